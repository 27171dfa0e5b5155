//go:build tools

// Package network pins the programs that make Services reachable and their names known on real nodes; other versions than the control plane's, hence a module of its own.
package network

import (
	_ "k8s.io/kubernetes/cmd/kube-proxy"
)
