package check

import (
	"slices"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// Whatever the files of a host contain, every check returns a message.
func FuzzRun(f *testing.F) {
	f.Add("28.5.2", "dockremap:100000:65536\n", "999:1:x\n", `{"userns-remap": "default"}`, "0 100000 65536", true)
	f.Add("20.10.24", "foo:bar", "\x00", "{ // \n", "0 0 4294967295", false)
	f.Add("29.7.2", "dockremap:9223372036854775807:9223372036854775807\ndockremap:-1:-1\n", "", `{"features": [1], "userns-remap": "a:b:c"}`, "-1 9223372036854775807 9", true)
	f.Fuzz(func(t *testing.T, version, subuid, subgid, config, idMap string, on bool) {
		facts := sound()
		if on {
			facts = remapped()
		} else {
			withAccount(&facts, "")
		}
		facts.Engine.Value.Version, facts.Engine.Value.DataRoot = version, "/"+idMap
		facts.SubUID.Value.Data, facts.SubGID.Value.Data = []byte(subuid), []byte(subgid)
		facts.Config.Value.Data = []byte(config)
		live := idmap.Map{UID: idmap.FromProc([]string{idMap}), GID: idmap.FromProc([]string{idMap})}
		facts.Maps.Value = []survey.LiveMap{{PIDs: []int{1}, Map: live}}
		facts.Kernel.Value.Map.UID = live.UID
		facts.Containers.Value = []survey.Container{{Name: idMap, User: version, Mounts: []survey.Mount{{Type: "bind", Source: config}}}}
		for _, r := range Run(facts, Options{User: version}) {
			assert.Assert(t, r.Message != "", r.ID)
			assert.Assert(t, slices.Contains([]Status{OK, Warning, Error, Skipped, Unknown}, r.Status), r.ID)
		}
		Run(facts, Options{})
	})
}
