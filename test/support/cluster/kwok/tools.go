//go:build tools

// Package kwok pins the program that plays nodes and pods; it needs other versions than the control plane, hence a module of its own.
package kwok

import (
	_ "sigs.k8s.io/kwok/cmd/kwok"
)
