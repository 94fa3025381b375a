//go:build tools

// Package helmfile names the command of helmfile, so that go.mod and go.sum cover it.
package helmfile

import _ "github.com/helmfile/helmfile"
