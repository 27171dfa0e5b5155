module multi-edge-inference/test/support/cluster/knative

go 1.25.0

require (
	knative.dev/eventing v0.45.0
	knative.dev/serving v0.51.0
)
