// Package schema has the JSON Schemas of what the verbs print with --format json. They are
// derived from the types that are printed, for the reference and for tests.
package schema

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/docker-userns/docker-userns/internal/audit"
	"github.com/docker-userns/docker-userns/internal/remap"
	"github.com/docker-userns/docker-userns/internal/render"
	"github.com/docker-userns/docker-userns/internal/report"
)

// The names of the schemas.
const (
	AuditImage = "audit-image" // an object for each image, one a line
	Rewritten  = "rewrite"     // audit-image --rewrite: an object for each image, one a line
	Results    = "results"     // check and verify: one object
	Change     = "change"      // enable and disable: objects, one a line
)

// All gives the schemas by name.
func All() (map[string]*jsonschema.Schema, error) {
	image, err := of(render.ReportObject{}, "What docker userns audit-image --format json prints of each image, on a line of its own.")
	if err != nil {
		return nil, err
	}
	rewritten, err := of(render.Rewriting{}, "What docker userns audit-image --rewrite --format json prints of each image, on a line of its own.")
	if err != nil {
		return nil, err
	}
	results, err := of(report.Report{}, "What docker userns check and verify print with --format json.")
	if err != nil {
		return nil, err
	}
	change, err := changes()
	return map[string]*jsonschema.Schema{AuditImage: image, Rewritten: rewritten, Results: results, Change: change}, err
}

// words are the types of a few words.
var words = map[reflect.Type]*jsonschema.Schema{
	reflect.TypeFor[report.Status](): oneOf(report.Statuses...),
	reflect.TypeFor[audit.Verdict](): oneOf(audit.Mappable, audit.Unmappable),
	reflect.TypeFor[audit.Rule]():    oneOf(audit.UnmappedOwner, audit.RootAlias, audit.UnmappedUser, audit.RefusedLayer, audit.UnmappedAccount, audit.Owner),
	reflect.TypeFor[remap.Verb]():    oneOf(remap.Enable, remap.Disable),
	reflect.TypeFor[remap.Verdict](): oneOf(remap.Kept, remap.Undone, ""),
	reflect.TypeFor[render.Outcome](): oneOf(render.Planned, render.Unchanged, render.Outcome(remap.Refused), render.Outcome(remap.Made),
		render.Outcome(remap.Partly), render.Outcome(remap.RolledBack), render.Outcome(remap.Uncertain)),
}

func oneOf[T any](all ...T) *jsonschema.Schema {
	s := &jsonschema.Schema{Type: "string"}
	for _, one := range all {
		s.Enum = append(s.Enum, reflect.ValueOf(one).String())
	}
	return s
}

func of(v any, description string) (*jsonschema.Schema, error) {
	s, err := jsonschema.ForType(reflect.TypeOf(v), &jsonschema.ForOptions{TypeSchemas: words})
	if err != nil {
		return nil, fmt.Errorf("deriving the schema of %T: %w", v, err)
	}
	s.Schema, s.Description = draft, description
	neverNull(s)
	return s, nil
}

const draft = "https://json-schema.org/draft/2020-12/schema"

// neverNull makes lists what they are: an empty one is printed as [].
func neverNull(s *jsonschema.Schema) {
	if s == nil {
		return
	}
	if slices.Equal(s.Types, []string{"null", "array"}) {
		s.Type, s.Types = "array", nil
	}
	neverNull(s.Items)
	for _, p := range s.Properties {
		neverNull(p)
	}
}

// changes is the schema of one object, which has one of several kinds.
func changes() (*jsonschema.Schema, error) {
	all := &jsonschema.Schema{
		Schema:      draft,
		Description: "What docker userns enable and disable print with --format json: objects of these kinds, one a line. The last one is the result.",
		Defs:        map[string]*jsonschema.Schema{},
	}
	kinds := render.ObjectKinds()
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		s, err := of(kinds[kind], "")
		if err != nil {
			return nil, err
		}
		s.Schema = ""
		s.Properties["kind"] = &jsonschema.Schema{Const: jsonschema.Ptr[any](kind)}
		all.Defs[kind] = s
		all.OneOf = append(all.OneOf, &jsonschema.Schema{Ref: "#/$defs/" + kind})
	}
	return all, nil
}

// Text is a schema as the reference has it.
func Text(s *jsonschema.Schema) (string, error) {
	text, err := json.MarshalIndent(s, "", "  ")
	return string(text) + "\n", err
}
