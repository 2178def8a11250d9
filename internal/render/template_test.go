package render

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/audit"
	"github.com/docker-userns/docker-userns/internal/report"
)

// inJSON are the exported fields of a struct that its JSON has.
func inJSON(of reflect.Type) (names []string) {
	for _, f := range reflect.VisibleFields(of) {
		if f.IsExported() && f.Tag.Get("json") != "-" {
			names = append(names, f.Name)
		}
	}
	return names
}

// A template of check and verify sees what the JSON has, and nothing else.
func TestTemplateHasFieldsOfJSON(t *testing.T) {
	assert.DeepEqual(t, inJSON(reflect.TypeFor[templateResult]()), inJSON(reflect.TypeFor[report.Result]()))
	for _, hidden := range []string{"Reason", "Cause"} {
		err := ResultTemplate(new(strings.Builder), report.Report{Results: []report.Result{{ID: "x"}}}, "{{."+hidden+"}}")
		assert.ErrorContains(t, err, hidden)
	}
}

// A template of audit-image sees what the JSON has, by methods.
func TestAuditTemplateHasFieldsOfJSON(t *testing.T) {
	var methods []string
	for m := range reflect.TypeFor[*reportContext]().Methods() {
		methods = append(methods, m.Name)
	}
	for _, name := range inJSON(reflect.TypeFor[audit.Report]()) {
		assert.Check(t, slices.Contains(methods, name), "%s is in the JSON alone", name)
	}
}
