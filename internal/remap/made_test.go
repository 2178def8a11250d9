package remap

import (
	"io/fs"
	"reflect"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// Folders that have the name of a tree, and were not made by a change of this
// program, or are not as dockerd made them, are nobody's to delete.
func TestLeftovers(t *testing.T) {
	f, past := carriedOut(plain(), enable(t, plain(), nil))
	tree := survey.Tree{Name: "165536.165536", UID: 165536, GID: 165536, InUse: true, Stat: host.Stat{Mode: fs.ModeDir | 0o710, GID: 165536}}
	releases := []survey.Tree{
		{Name: "2024.10", UID: 2024, GID: 10, Stat: host.Stat{Mode: fs.ModeDir | 0o755}},
		{Name: "22.4", UID: 22, GID: 4, Stat: host.Stat{Mode: fs.ModeDir | 0o710, GID: 4}},
	}
	paths := func(f survey.Facts, past ...Past) (paths []string) {
		trees, _ := Leftovers(f, past)
		for _, t := range trees {
			paths = append(paths, t.Path)
		}
		return paths
	}
	f.Storage.Value.Trees = append(releases, tree)
	assert.DeepEqual(t, paths(f, past), []string{"/var/lib/docker/165536.165536"})
	off := f
	off.Engine.Value.SecurityOptions = nil
	assert.DeepEqual(t, paths(off, past), []string{"/var/lib/docker/165536.165536"})
	_, left := Leftovers(off, []Past{past})
	assert.DeepEqual(t, left, []string{
		"/var/lib/docker/2024.10 is kept: no change in /var/lib/docker-userns created it",
		"/var/lib/docker/22.4 is kept: no change in /var/lib/docker-userns created it",
	})
	assert.Equal(t, len(paths(f)), 0, "remap was turned on by hand")
	unmade := past
	unmade.Made = Created{}
	assert.Equal(t, len(paths(f, unmade)), 0, "it was there before the change")
	for name, stat := range map[string]host.Stat{
		"of another user":  {Mode: fs.ModeDir | 0o710, UID: 1000, GID: 165536},
		"of another group": {Mode: fs.ModeDir | 0o710, GID: 1000},
		"others write":     {Mode: fs.ModeDir | 0o777, GID: 165536},
		"a link":           {Mode: fs.ModeSymlink | 0o777},
	} {
		tree.Stat = stat
		f.Storage.Value.Trees = []survey.Tree{tree}
		assert.Equal(t, len(paths(f, past)), 0, name)
	}
}

func TestReclaimKeepsVolumes(t *testing.T) {
	trees := []Tree{{Path: "/var/lib/docker/1.1"}}
	trees[0].list("size 2048\ncontainers 2\nimages 3\nvolume 12 db data\n")
	assert.Assert(t, reflect.DeepEqual(trees[0], Tree{Path: "/var/lib/docker/1.1", Size: 2 << 20, Containers: 2, Images: 3, Volumes: []TreeVolume{{"db data", 12 << 10}}}))
	f, past := carriedOut(plain(), enable(t, plain(), nil))
	o := DisableOptions{Timeout: time.Minute, Now: now.Add(time.Hour), Reclaim: trees, Volumes: []string{"other"}}
	p, err := PlanDisable(f, []Past{past}, o)
	assert.ErrorContains(t, err, "db data")
	assert.Equal(t, len(p.Steps), 0)
	o.Volumes = []string{"db data"}
	p, err = PlanDisable(f, []Past{past}, o)
	assert.NilError(t, err)
	assert.Equal(t, p.Steps[len(p.Steps)-1].Title, "Delete /var/lib/docker/1.1: 2.097MB, 2 containers, 3 images")
}
