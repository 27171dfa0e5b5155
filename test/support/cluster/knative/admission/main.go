// What Knative's admission webhooks would make of objects, with Knative's own code: defaults filled in, then validated.
// Reads {"features": {...}, "objects": [...]} from standard input and prints one verdict for each object, in their order.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	eventing "knative.dev/eventing/pkg/apis/eventing/v1"
	"knative.dev/eventing/pkg/apis/feature"
	"knative.dev/pkg/apis"
	"knative.dev/serving/pkg/apis/config"
	serving "knative.dev/serving/pkg/apis/serving/v1"
)

type request struct {
	Features map[string]string `json:"features"`
	Objects  []json.RawMessage `json:"objects"`
}

type verdict struct {
	// Empty when the object is taken.
	Error   string `json:"error"`
	Warning string `json:"warning"`
	// As it would be stored.
	Object any `json:"object"`
}

type admitted interface {
	SetDefaults(context.Context)
	Validate(context.Context) *apis.FieldError
}

func main() {
	var asked request
	must(json.NewDecoder(os.Stdin).Decode(&asked))
	features, err := config.NewFeaturesConfigFromMap(asked.Features)
	must(err)
	settings := config.FromContextOrDefaults(context.Background())
	settings.Features = features
	ctx := config.ToContext(context.Background(), settings)
	ctx = feature.ToContext(apis.WithinCreate(ctx), feature.Flags{feature.DeliveryTimeout: feature.Enabled})

	verdicts := make([]verdict, 0, len(asked.Objects))
	for _, raw := range asked.Objects {
		object := empty(raw)
		must(json.Unmarshal(raw, object))
		object.SetDefaults(ctx)
		problems := object.Validate(ctx)
		verdicts = append(verdicts, verdict{
			Error:   textOf(problems.Filter(apis.ErrorLevel)),
			Warning: textOf(problems.Filter(apis.WarningLevel)),
			Object:  object,
		})
	}
	must(json.NewEncoder(os.Stdout).Encode(verdicts))
}

func empty(raw json.RawMessage) admitted {
	var kind struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
	}
	must(json.Unmarshal(raw, &kind))
	switch kind.APIVersion + " " + kind.Kind {
	case "serving.knative.dev/v1 Service":
		return &serving.Service{}
	case "eventing.knative.dev/v1 Trigger":
		return &eventing.Trigger{}
	}
	must(fmt.Errorf("%s %s is not known here", kind.APIVersion, kind.Kind))
	return nil
}

func textOf(problems *apis.FieldError) string {
	if problems == nil {
		return ""
	}
	return problems.Error()
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
