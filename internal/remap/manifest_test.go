package remap

import (
	"encoding/json"
	"testing"

	"gotest.tools/v3/assert"
)

// A manifest is read by later versions, and by earlier ones: its form stays.
func TestManifestKeepsItsForm(t *testing.T) {
	const written = `{"schemaVersion":1,"id":"20261122T210203Z","verb":"enable","started":"2026-11-22T21:02:03Z","deadline":"2026-11-22T21:07:03Z","unit":"docker.service",
		"before":{"remapped":false,"dataRoot":"/var/lib/docker","containers":[{"id":"c1","name":"web"}],"images":null,"volumes":null,"networks":null},
		"after":{"remapped":true,"dataRoot":"/var/lib/docker/165536.165536","containers":null,"images":null,"volumes":null,"networks":null},
		"files":[
			{"Path":"/etc/docker/daemon.json","Existed":true,"Before":"aa","After":"bb","Added":"x"},
			{"Path":"/etc/subuid","Existed":true,"Before":"cc","After":"dd","Added":"dockremap:165536:65536\n"},
			{"Path":"/etc/subgid","Existed":false,"Before":"","After":"ee","Added":"dockremap:165536:65536\n"}],
		"account":"dockremap","running":["c1"],"proven":true}`
	var m Manifest
	assert.NilError(t, json.Unmarshal([]byte(written), &m))
	assert.DeepEqual(t, m.config(), File{Path: "/etc/docker/daemon.json", Existed: true, Before: "aa", After: "bb", Added: "x"})
	assert.Equal(t, len(m.tables()), 2)
	assert.Equal(t, m.tables()[1].Path, subgidPath)
	assert.Assert(t, m.Restarts)

	var now, then map[string]any
	assert.NilError(t, json.Unmarshal(enable(t, plain(), nil).manifest(), &now))
	assert.NilError(t, json.Unmarshal([]byte(written), &then))
	for key := range then {
		_, ok := now[key]
		assert.Check(t, ok, key)
	}
	files := now["files"].([]any)
	assert.Equal(t, files[0].(map[string]any)["Path"], "/etc/docker/daemon.json") // an earlier version takes the first one for it
}
