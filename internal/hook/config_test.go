package hook

import (
	"encoding/json"
	"testing"

	"gotest.tools/v3/assert"
)

const commands = `"` + Commands + `"`

func TestInstall(t *testing.T) {
	for _, c := range []struct{ name, before, after string }{
		{"no file", "", "{\n  \"features\": {\"hooks\": \"true\"}" + `,
  "plugins": {"userns": {"error-hooks": ` + commands + `, "made-by-install-hook": "features features.hooks plugins plugins.userns"}}` + "\n}\n"},
		{"as docker writes it", "{\n\t\"auths\": {\n\t\t\"x\": {}\n\t},\n\t\"features\": {\n\t\t\"hooks\": \"1\"\n\t}\n}",
			"{\n\t\"auths\": {\n\t\t\"x\": {}\n\t},\n\t\"features\": {\n\t\t\"hooks\": \"1\"\n\t},\n\t\"plugins\": {\"userns\": {\"error-hooks\": " + commands + ", \"made-by-install-hook\": \"plugins plugins.userns\"}}\n}"},
		{"all is there", `{"features": {"hooks": "true"}, "plugins": {"userns": {"x": "y"}}}`,
			`{"features": {"hooks": "true"}, "plugins": {"userns": {"x": "y", "error-hooks": ` + commands + `}}}`},
		{"the other key", `{"features":{"hooks":"true"},"plugins":{"userns":{"hooks":"pull"}}}`,
			`{"features":{"hooks":"true"},"plugins":{"userns":{"error-hooks": ` + commands + `}}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Install([]byte(c.before), OnError)
			assert.NilError(t, err)
			assert.Equal(t, string(got), c.after)
			again, err := Install(got, OnError)
			assert.NilError(t, err)
			assert.Equal(t, string(again), c.after)
		})
	}
}

func TestInstallRefuses(t *testing.T) {
	for text, want := range map[string]string{
		`{"features": {"hooks": "false"}}`: ErrOff.Error(),
		`{"features": null}`:               `"features": line 1, column 1: the file holds null`,
		`{"plugins": {"userns": []}}`:      `"plugins.userns": line 1, column 1: the file holds an array`,
		`{"plugins": 1}`:                   `"plugins": line 1, column 1: the file holds a number`,
		`{`:                                "line 1, column 1: unexpected end of JSON input",
	} {
		_, err := Install([]byte(text), OnError)
		assert.ErrorContains(t, err, want, text)
	}
}

func TestRemove(t *testing.T) {
	for _, c := range []struct{ name, before, after string }{
		{"missing", `{ "plugins" : {"userns":{}} }`, `{ "plugins" : {"userns":{}} }`},
		{"no file", "", ""},
		{"written by hand", `{"features":{"hooks":"true"},"plugins":{"userns":{"error-hooks":"pull"}}}`, `{"features":{"hooks":"true"},"plugins":{"userns":{}}}`},
		{
			"another plugin has hooks",
			`{"features":{"hooks":"true"},"plugins":{"scout":{"hooks":"pull"},"userns":{"hooks":"pull","made-by-install-hook":"plugins.userns"}}}`,
			`{"features":{"hooks":"true"},"plugins":{"scout":{"hooks":"pull"}}}`,
		},
		{
			"docker has sorted it since",
			`{"auths":{},"features":{"hooks":"true"},"plugins":{"userns":{"error-hooks":"pull","made-by-install-hook":"features features.hooks plugins plugins.userns"}},"x":1}`,
			`{"auths":{},"x":1}`,
		},
		{"a note that was tampered with", `{"auths":{"a":1},"plugins":{"userns":{"made-by-install-hook":"auths auths.a plugins.userns"}}}`, `{"auths":{"a":1},"plugins":{}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Remove([]byte(c.before))
			assert.NilError(t, err)
			assert.Equal(t, string(got), c.after)
		})
	}
}

// FuzzInstall holds that Remove undoes Install to the byte, and that Install
// changes no other key.
func FuzzInstall(f *testing.F) {
	for _, text := range []string{
		"{}", "{\r\n}\r\n", "{ }", "{\"plugins\":{}}", "{\"plugins\":{ \n}, \"features\" : {}}\n", `{"features":{"hooks":"true"},"x":1}`,
		"{\n\t\"plugins\": {\n\t\t\"scout\": {\n\t\t\t\"hooks\": \"pull\"\n\t\t}\n\t}\n}", `{"plugins":{"userns":{"a":"b"}},"features":{"y":"z"}}`,
	} {
		f.Add([]byte(text), true)
	}
	f.Fuzz(func(t *testing.T, text []byte, always bool) {
		key := OnError
		if always {
			key = Always
		}
		clean, err := Remove(text)
		if err != nil {
			return
		}
		with, err := Install(clean, key)
		if err != nil {
			return
		}
		var all struct {
			Features map[string]string
			Plugins  map[string]map[string]json.RawMessage
		}
		if json.Unmarshal(with, &all) == nil {
			assert.Equal(t, string(all.Plugins[plugin][string(key)]), commands)
			assert.Assert(t, isTrue(all.Features["hooks"]))
		}
		back, err := Remove(with)
		assert.NilError(t, err)
		if c := (config{text: clean}); len(c.parse(clean, "").Keys()) > 0 {
			assert.Equal(t, string(back), string(clean))
		}
	})
}
