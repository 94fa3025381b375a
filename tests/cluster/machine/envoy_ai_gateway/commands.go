//go:build tools

// Package envoy_ai_gateway names the commands of Envoy AI Gateway, so that go.mod and go.sum cover them.
package envoy_ai_gateway

import (
	_ "github.com/envoyproxy/ai-gateway/cmd/controller"
	_ "github.com/envoyproxy/ai-gateway/cmd/extproc"
)
