package schema

import (
	"os"
	"strings"
	"testing"

	"github.com/docker-userns/docker-userns/internal/render"
	"gotest.tools/v3/assert"
)

func TestValidate(t *testing.T) {
	const result = `{"kind":"result","schemaVersion":1,"outcome":"made","exitCode":0}`
	assert.NilError(t, Validate(Change, `{"kind":"undoing","why":"no answer"}`+"\n"+result+"\n"))
	for name, printed := range map[string]string{
		"no JSON":           "made",
		"no kind":           `{"schemaVersion":1,"outcome":"made","exitCode":0}`,
		"unknown kind":      `{"kind":"story"}`,
		"another kind":      `{"kind":"step","why":"no answer"}`,
		"unknown word":      `{"kind":"result","schemaVersion":1,"outcome":"great","exitCode":0}`,
		"unknown key":       `{"kind":"undoing","why":"no answer","how":1}`,
		"a key is missing":  `{"kind":"undoing"}`,
		"in the second one": result + "\n{}",
	} {
		assert.Check(t, Validate(Change, printed) != nil, name)
	}
	assert.Check(t, Validate(Results, `{}`) != nil)
	assert.Check(t, Validate(AuditImage, `{}`) != nil)
}

// All kinds of objects are printed by the tests of package render, and fit.
func TestObjectsFit(t *testing.T) {
	text, err := os.ReadFile("../render/testdata/objects.golden")
	assert.NilError(t, err)
	assert.NilError(t, Validate(Change, string(text)))
	for kind := range render.ObjectKinds() {
		assert.Check(t, strings.Contains(string(text), `{"kind":"`+kind+`"`), kind)
	}
}
