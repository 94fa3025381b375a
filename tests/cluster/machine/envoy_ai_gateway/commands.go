//go:build tools

// Package envoy_ai_gateway names the command of Envoy AI Gateway, so that go.mod and go.sum cover it.
package envoy_ai_gateway

import _ "github.com/envoyproxy/ai-gateway/cmd/controller"
