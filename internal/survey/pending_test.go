package survey

import (
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

// What a manifest lacks, or has in another form, is empty.
func TestParsePending(t *testing.T) {
	const manifest = `{"schemaVersion":1,"verb":"enable","unit":"docker.service","started":"2026-11-22T21:02:03Z","deadline":"2026-11-22T21:07:03Z","before":{}}`
	assert.DeepEqual(t, parsePending("/x", []byte(manifest)), &Pending{
		Dir: "/x", Verb: "enable", Unit: "docker.service", Started: time.Date(2026, 11, 22, 21, 2, 3, 0, time.UTC), Deadline: time.Date(2026, 11, 22, 21, 7, 3, 0, time.UTC),
	})
	for _, text := range []string{"", "{", `{"verb":"enable","deadline":"tomorrow"}`, `{"verb":"enable","unit":7}`, `{"Dir":"/y"}`} {
		assert.DeepEqual(t, parsePending("/x", []byte(text)), &Pending{Dir: "/x"})
	}
}
