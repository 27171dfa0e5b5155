//go:build tools

// Package nats pins the server that events travel through; its versions are its own, hence a module of its own.
package nats

import (
	_ "github.com/nats-io/nats-server/v2"
)
