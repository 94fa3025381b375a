//go:build tools

// Package envoy_gateway names the command of Envoy Gateway, so that go.mod and go.sum cover it.
package envoy_gateway

import _ "github.com/envoyproxy/gateway/cmd/envoy-gateway"
