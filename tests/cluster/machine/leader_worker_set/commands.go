//go:build tools

// Package leaderworkerset names the command that LeaderWorkerSets' controller is, so that go.mod and
// go.sum cover it.
package leaderworkerset

import (
	_ "sigs.k8s.io/lws/cmd"
)
