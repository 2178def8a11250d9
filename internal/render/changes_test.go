package render

import (
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/remap"
)

func TestChanges(t *testing.T) {
	assert.Equal(t, Changes(nil), "No changes were made on this host.\n")
	change := func(id string, verb remap.Verb, verdict remap.Verdict, before, after string) remap.Past {
		var p remap.Past
		p.ID, p.Verb, p.Verdict = id, verb, verdict
		p.Before.DataRoot, p.After.DataRoot = before, after
		return p
	}
	assert.Equal(t, Changes([]remap.Past{
		change("20261126T190254Z", remap.Disable, "", "/var/lib/docker/100000.100000", "/var/lib/docker"),
		change("20261126T190233Z", remap.Enable, remap.Kept, "/var/lib/docker", "/var/lib/docker/100000.100000"),
		change("20261126T190031Z", remap.Enable, remap.Undone, "/x\x1b[31m", "/x"),
	}), `CHANGE             COMMAND   RESULT        DATA ROOT BEFORE                DATA ROOT AFTER
20261126T190254Z   disable   not decided   /var/lib/docker/100000.100000   /var/lib/docker
20261126T190233Z   enable    kept          /var/lib/docker                 /var/lib/docker/100000.100000
20261126T190031Z   enable    undone        /x\x1b[31m                      /x
`)
}
