//go:build tools

// Package istio names the commands that Istio consists of, so that go.mod and go.sum cover them.
package istio

import (
	_ "istio.io/istio/pilot/cmd/pilot-agent"
	_ "istio.io/istio/pilot/cmd/pilot-discovery"
)
