package carry_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/volume"
	"github.com/docker/docker/client"
	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/carry"
	"github.com/docker-userns/docker-userns/internal/imagetest"
	"github.com/docker-userns/docker-userns/internal/testengine"
)

// What was carried to a remapped engine goes back with what was written, made and removed
// since, to a data root that has kept what was not carried.
func TestBack(t *testing.T) {
	old := testengine.Start(t, testengine.Options{})
	root, place := old.DataRoot(), filepath.Join(old.DataRoot(), "100000.100000")
	api := old.Client(t)
	needOverlay(t, api)
	loadBusybox(t, api)
	assert.Assert(t, load(t, api, picture("kept:1", "base", "kept")))
	assert.Assert(t, load(t, api, picture("removed:1", "removed")))
	assert.Assert(t, load(t, api, picture("again:1", "base")))
	for _, name := range []string{"data", "removed", "kept"} {
		newVolume(t, api, name)
		sh(t, filepath.Join(root, "volumes", name, "_data"), "echo old >f; chown 1000:1000 f")
	}
	web := create(t, api, "web", container.HostConfig{UsernsMode: "", RestartPolicy: container.RestartPolicy{Name: "always"}}, "echo old >f; chown 7 f")
	kept := create(t, api, "kept", container.HostConfig{}, "echo kept >f")
	before := inspected(t, api, kept, root)
	old.Stop()
	job := carry.Job{
		From: root, To: filepath.Join(root, ".twin"), Place: place, Map: shift.Map, Volumes: []string{"data", "removed"}, Networks: true,
		Images: []string{idOf(t, root, "busybox:1"), idOf(t, root, "removed:1"), idOf(t, root, "again:1")}, Containers: []carry.Container{{ID: web, HostUserns: true, Stopped: true}},
	}
	assert.NilError(t, prepare(t, job))
	finish(t, job)

	remapped := testengine.Start(t, testengine.Options{Remap: true, DataRoot: root})
	mapped := remapped.Client(t)
	assert.Assert(t, load(t, mapped, picture("new:1", "new")))
	_, err := mapped.ImageRemove(t.Context(), "removed:1", image.RemoveOptions{})
	assert.NilError(t, err)
	_, err = mapped.ImageRemove(t.Context(), "again:1", image.RemoveOptions{})
	assert.NilError(t, err)
	assert.Assert(t, load(t, mapped, picture("again:1", "base")), "its layer has another name in the storage driver now")
	newVolume(t, mapped, "new")
	assert.NilError(t, mapped.VolumeRemove(t.Context(), "removed", false))
	sh(t, filepath.Join(place, "volumes/data/_data"), "echo new >f; echo more >g; chown 100005:100006 g; echo host >h")
	made := create(t, mapped, "made", container.HostConfig{}, "echo made >f; chown 100009 f")
	remapped.Stop()

	back := carry.Job{
		From: place, To: filepath.Join(root, ".twin"), Place: root, Aside: filepath.Join(root, ".before"), Map: shift.Map, Back: true,
		Images: []string{idOf(t, place, "busybox:1"), idOf(t, place, "new:1"), idOf(t, place, "again:1")}, Volumes: []string{"data", "new"}, Networks: true,
		Containers: []carry.Container{{ID: web, HostUserns: true, Stopped: true}, {ID: made}},
	}
	back.Record = filepath.Join(t.TempDir(), "carried")
	sh(t, root, "touch -r "+place+"/.docker-userns/complete "+back.Record)
	m, err := back.Measure(t.Context(), 2)
	assert.NilError(t, err)
	assert.Equal(t, len(m.There.Changed), 0, "%s", m.There.Changed)
	sh(t, root, "echo changed >>volumes/data/_data/f; touch containers/"+web+"/config.v2.json")
	changed, err := back.Measure(t.Context(), 2)
	assert.NilError(t, err)
	assert.DeepEqual(t, changed.There.Changed, []string{"data", web})
	assert.Assert(t, !m.Existing && len(m.Mounted) == 0 && len(m.Problems) == 0, "%+v", m)
	assert.Equal(t, m.Images[back.Images[0]].Bytes, int64(0), "its layers are linked")
	slices.Sort(m.There.Volumes)
	assert.DeepEqual(t, m.There.Volumes, []string{"data", "kept", "removed"})
	assert.Equal(t, len(m.There.Images), 4)
	assert.Equal(t, len(m.There.Containers), 2)
	keptImage := idOf(t, root, "kept:1")
	back.Kept = carry.Kept{Images: []string{keptImage}, Names: []string{keptImage}, Volumes: []string{"kept"}, Containers: []string{kept}}
	files := tree(t, filepath.Join(root, "overlay2"), same)
	assert.NilError(t, prepare(t, back))
	assert.NilError(t, prepare(t, back), "again")
	sh(t, filepath.Join(place, "volumes/data/_data"), "echo last >f")
	r := finish(t, back)
	assert.DeepEqual(t, r, carry.Result{Images: back.Images, Volumes: back.Volumes, Containers: []string{web, made}, Networks: true})
	compared, err := back.Check(t.Context())
	assert.NilError(t, err)
	assert.Assert(t, compared.Files > 5 && len(compared.Differ) == 0, "%+v", compared)
	equal(t, withoutLinks(tree(t, filepath.Join(back.Aside, "overlay2"), same)), withoutLinks(files))

	again := testengine.Start(t, testengine.Options{DataRoot: root})
	now := again.Client(t)
	var tags []string
	for _, i := range imagesOf(t, now) {
		tags = append(tags, i.RepoTags...)
	}
	slices.Sort(tags)
	assert.DeepEqual(t, tags, []string{"again:1", "busybox:1", "kept:1", "new:1"})
	for _, tag := range tags {
		c, err := now.ContainerCreate(t.Context(), &container.Config{Image: tag, Cmd: []string{"x"}}, nil, nil, nil, "")
		assert.NilError(t, err, tag)
		assert.NilError(t, now.ContainerRemove(t.Context(), c.ID, container.RemoveOptions{}))
	}
	for _, name := range []string{"data", "kept", "new"} {
		v, err := now.VolumeInspect(t.Context(), name)
		assert.NilError(t, err)
		assert.DeepEqual(t, v.Labels, map[string]string{"of": name})
	}
	assert.Equal(t, sh(t, filepath.Join(root, "volumes"), "ls -d */; cd data/_data; cat f g h; stat -c %u:%g f g h; cat ../../kept/_data/f"),
		"data/\nkept/\nnew/\nlast\nmore\nhost\n1000:1000\n5:6\n0:0\nold")
	for id, want := range map[string]string{web: "old\n7", made: "made\n9", kept: "kept\n0"} {
		c, err := now.ContainerInspect(t.Context(), id)
		assert.NilError(t, err)
		assert.Equal(t, sh(t, c.GraphDriver.Data["UpperDir"], "cat f; stat -c %u f"), want)
		if id == web {
			assert.Assert(t, c.HostConfig.UsernsMode == "" && c.HostConfig.RestartPolicy.Name == "always", "%+v", c.HostConfig)
		}
	}
	after := inspected(t, now, kept, root)
	for _, key := range []string{"Config", "Created", "Image", "Mounts", "Name", "Path", "LogPath"} {
		assert.DeepEqual(t, after[key], before[key])
	}
	_, err = now.ImageRemove(t.Context(), "new:1", image.RemoveOptions{})
	assert.NilError(t, err)
}

// picture is an image with a layer for each file.
func picture(name string, files ...string) []byte {
	var steps []imagetest.Step
	for _, f := range files {
		steps = append(steps, imagetest.Step{By: "ADD", Layer: imagetest.Layer(imagetest.File{Name: f, UID: 3, Body: f})})
	}
	return imagetest.Archive(name, "", steps...)
}

func newVolume(t *testing.T, api *client.Client, name string) {
	t.Helper()
	_, err := api.VolumeCreate(t.Context(), volume.CreateOptions{Name: name, Labels: map[string]string{"of": name}})
	assert.NilError(t, err)
}

// idOf is the ID of an image that a data root has.
func idOf(t *testing.T, root, name string) string {
	t.Helper()
	return "sha256:" + sh(t, root, `grep -o '"`+name+`":"sha256:[0-9a-f]*' image/overlay2/repositories.json | sed 's/.*sha256://'`)
}

// withoutLinks leaves out how many names files have.
func withoutLinks(lines map[string]string) map[string]string {
	for path, line := range lines {
		lines[path], _, _ = strings.Cut(line, " linked to ")
	}
	return lines
}
