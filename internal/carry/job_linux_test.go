package carry_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/volume"
	"github.com/docker/docker/client"
	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/carry"
	"github.com/docker-userns/docker-userns/internal/imagetest"
	"github.com/docker-userns/docker-userns/internal/testengine"
)

// An engine with images and volumes is carried over to a remapped one, and back.
func TestJob(t *testing.T) {
	old := testengine.Start(t, testengine.Options{})
	api := old.Client(t)
	needOverlay(t, api)
	loadBusybox(t, api)
	assert.Assert(t, load(t, api, imagetest.Archive("other:1", "", imagetest.Step{By: "ADD", Layer: imagetest.Layer(imagetest.File{Name: "f", UID: 7, Body: "f"})})))
	_, err := api.VolumeCreate(t.Context(), volume.CreateOptions{Name: "data", Labels: map[string]string{"kept": "yes"}})
	assert.NilError(t, err)
	data := filepath.Join(old.DataRoot(), "volumes/data/_data")
	sh(t, data, "echo before >changed; echo same >same; chown 1000:1000 same; mkdir gone")
	images, saved := imagesOf(t, api), save(t, api)

	job := carry.Job{
		From: old.DataRoot(), To: filepath.Join(old.DataRoot(), ".twin"), Place: filepath.Join(old.DataRoot(), "100000.100000"),
		Map: shift.Map, Images: ids(images), Volumes: []string{"data"},
	}
	assert.NilError(t, prepare(t, job))
	sh(t, data, "echo after >changed; rmdir gone; echo new >new")
	assert.NilError(t, prepare(t, job), "again")
	sh(t, data, "echo last >changed")
	old.Stop()
	untouched := tree(t, filepath.Join(old.DataRoot(), "overlay2"), same)
	place := filepath.Join(old.DataRoot(), "100000.100000")
	r := finish(t, job)
	assert.DeepEqual(t, r, carry.Result{Images: job.Images, Volumes: job.Volumes})
	compared, err := placed(job).Check(t.Context())
	assert.NilError(t, err)
	assert.Assert(t, compared.Files > 5 && compared.Bytes > 1<<20, "%+v", compared)
	assert.Equal(t, len(compared.Differ), 0, "%v", compared.Differ)

	remapped := testengine.Start(t, testengine.Options{Remap: true, DataRoot: old.DataRoot()})
	mapped := remapped.Client(t)
	assert.DeepEqual(t, imagesOf(t, mapped), images)
	assert.Equal(t, save(t, mapped), saved)
	v, err := mapped.VolumeInspect(t.Context(), "data")
	assert.NilError(t, err)
	assert.DeepEqual(t, v.Labels, map[string]string{"kept": "yes"})
	assert.Equal(t, sh(t, v.Mountpoint, "cat changed same new; ls; stat -c %u:%g same ."), "last\nsame\nnew\nchanged\nnew\nsame\n101000:101000\n100000:100000")
	likeAnEngines(t, filepath.Join(remapped.DataRoot(), "100000.100000"))
	equal(t, tree(t, filepath.Join(old.DataRoot(), "overlay2"), same), untouched)

	again := filepath.Join(t.TempDir(), "again")
	remapped.Stop()
	home := job
	home.From, home.To, home.Place, home.Back = place, again, again+".placed", true
	assert.NilError(t, prepare(t, home))
	finish(t, home)
	again = home.Place
	for _, name := range []string{"overlay2", "volumes/data", "image/overlay2/layerdb/sha256", "image/overlay2/imagedb/content"} {
		equal(t, withoutEnginesTimes(tree(t, filepath.Join(again, name), same)), withoutEnginesTimes(tree(t, filepath.Join(old.DataRoot(), name), same)))
	}
}

// A job leaves out what it is not to carry, without a trace.
func TestJobOfSome(t *testing.T) {
	old := testengine.Start(t, testengine.Options{})
	api := old.Client(t)
	needOverlay(t, api)
	loadBusybox(t, api)
	assert.Assert(t, load(t, api, imagetest.Archive("other:1", "", imagetest.Step{By: "ADD", Layer: imagetest.Layer(imagetest.File{Name: "f", UID: 70000, Body: "f"})})))
	for _, name := range []string{"one", "two"} {
		_, err := api.VolumeCreate(t.Context(), volume.CreateOptions{Name: name})
		assert.NilError(t, err)
	}
	chosen, err := api.ImageInspect(t.Context(), "busybox:1")
	assert.NilError(t, err)
	job := carry.Job{
		From: old.DataRoot(), To: filepath.Join(old.DataRoot(), ".twin"), Place: filepath.Join(old.DataRoot(), "100000.100000"),
		Map: shift.Map, Images: []string{chosen.ID}, Volumes: []string{"one"},
	}
	assert.NilError(t, prepare(t, job))
	old.Stop()
	place := filepath.Join(old.DataRoot(), "100000.100000")
	finish(t, job)

	remapped := testengine.Start(t, testengine.Options{Remap: true, DataRoot: old.DataRoot()})
	mapped := remapped.Client(t)
	images := imagesOf(t, mapped)
	assert.Equal(t, len(images), 1)
	assert.DeepEqual(t, images[0].RepoTags, []string{"busybox:1"})
	volumes, err := mapped.VolumeList(t.Context(), volume.ListOptions{})
	assert.NilError(t, err)
	assert.Equal(t, len(volumes.Volumes), 1)
	assert.Equal(t, volumes.Volumes[0].Name, "one")
	_, err = mapped.ImageRemove(t.Context(), "busybox:1", image.RemoveOptions{})
	assert.NilError(t, err)
	left, err := filepath.Glob(filepath.Join(place, "overlay2/*/diff"))
	assert.NilError(t, err)
	assert.Equal(t, len(left), 0, "the engine knows of everything in its twin: %s", left)
}

// What an engine did not write is not followed.
func TestJobOfADamagedRoot(t *testing.T) {
	needRoot(t)
	hex := "1111111111111111111111111111111111111111111111111111111111111111"
	for name, damage := range map[string]struct{ script, want string }{
		"image":  {"echo {} >image/overlay2/imagedb/content/sha256/" + hex, "its configuration is damaged"},
		"volume": {"mkdir -p volumes/vv; ln -s /etc volumes/vv/_data", "volume vv: copy"},
	} {
		t.Run(name, func(t *testing.T) {
			from := t.TempDir()
			sh(t, from, "mkdir -p image/overlay2/imagedb/content/sha256 image/overlay2/layerdb/sha256 volumes; "+damage.script)
			job := carry.Job{From: from, To: filepath.Join(from, ".twin"), Place: filepath.Join(from, "100000.100000"), Map: shift.Map}
			if name == "volume" {
				job.Volumes = []string{"vv"}
			} else {
				job.Images = []string{"sha256:" + hex}
			}
			assert.ErrorContains(t, prepare(t, job), damage.want)
		})
	}
	for _, job := range []carry.Job{
		{From: "/a/../b", To: "/c", Place: "/d"},
		{From: "/a", To: "relative"},
		{From: "/a", To: "/c", Place: "/d", Images: []string{"sha256:../../etc"}},
		{From: "/a", To: "/c", Place: "/d", Volumes: []string{"../etc"}},
		{From: "/a", To: "/c", Place: "/d", Volumes: []string{".."}},
	} {
		assert.ErrorContains(t, prepare(t, job), "not", "%+v", job)
	}
}

// prepare makes a twin, or goes on with it.
func prepare(t *testing.T, job carry.Job) error {
	t.Helper()
	return job.Prepare(t.Context(), 2, &carry.Progress{}, nil)
}

// finish completes a twin, and moves it to its place.
func finish(t *testing.T, job carry.Job) carry.Result {
	t.Helper()
	r, err := carry.Finish(t.Context(), job.To, 2)
	assert.NilError(t, err)
	return r
}

// placed is a job whose twin is in its place.
func placed(job carry.Job) carry.Job {
	job.To = job.Place
	return job
}

// withoutEnginesTimes leaves out the times of what is an engine's own, and not of an
// image or a volume, and what the kernel leaves of a mount.
func withoutEnginesTimes(lines map[string]string) map[string]string {
	for path, line := range lines {
		line, _, _ = strings.Cut(line, " trusted.overlay.uuid=")
		lines[path] = line
		if strings.HasSuffix(path, "/work/work") {
			delete(lines, path)
		} else if words := strings.Split(line, " "); !strings.Contains(path+"/", "/diff/") && !strings.HasPrefix(path, "_data") {
			lines[path] = strings.Join(append(words[:2:2], words[3:]...), " ")
		}
	}
	return lines
}

// likeAnEngines compares the folders of a twin with those that a remapped engine makes.
func likeAnEngines(t *testing.T, twin string) {
	t.Helper()
	other := testengine.Start(t, testengine.Options{Remap: true})
	api := other.Client(t)
	loadBusybox(t, api)
	_, err := api.VolumeCreate(t.Context(), volume.CreateOptions{Name: "data"})
	assert.NilError(t, err)
	theirs := filepath.Join(other.DataRoot(), "100000.100000")
	layer := func(root string) string {
		found, err := filepath.Glob(filepath.Join(root, "overlay2/*/link"))
		assert.NilError(t, err)
		return filepath.Base(filepath.Dir(found[0]))
	}
	for _, name := range []string{
		".", "overlay2", "overlay2/l", "overlay2/%s", "overlay2/%s/diff", "overlay2/%s/link", "volumes", "volumes/data", "volumes/data/_data",
		"volumes/metadata.db", "image", "image/overlay2", "image/overlay2/imagedb/content", "image/overlay2/layerdb/sha256", "image/overlay2/repositories.json",
	} {
		is := func(root string) string {
			path := filepath.Join(root, name)
			if filepath.Base(filepath.Dir(name)) == "%s" || filepath.Base(name) == "%s" {
				path = filepath.Join(root, "overlay2", layer(root), map[bool]string{true: filepath.Base(name)}[filepath.Base(name) != "%s"])
			}
			return sh(t, root, "stat -c '%a %u:%g %F' "+path)
		}
		assert.Equal(t, is(twin), is(theirs), name)
	}
}

func needOverlay(t *testing.T, api *client.Client) {
	t.Helper()
	info, err := api.Info(t.Context())
	assert.NilError(t, err)
	if info.Driver != "overlay2" {
		t.Skipf("needs an engine with overlay2, and this file system gives it %s", info.Driver)
	}
}

// loadBusybox gives the engine an image of two layers.
func loadBusybox(t *testing.T, api *client.Client) {
	t.Helper()
	busybox, err := os.ReadFile("/bin/busybox")
	if err != nil {
		t.Skip("needs busybox, which is not installed (on Debian: apt-get install busybox-static)")
	}
	assert.Assert(t, load(t, api, imagetest.Archive("busybox:1", "",
		imagetest.Step{By: "ADD", Layer: imagetest.Layer(imagetest.File{Name: "bin/"}, imagetest.File{Name: "bin/busybox", Body: string(busybox)})},
		imagetest.Step{By: "ADD", Layer: imagetest.Layer(imagetest.File{Name: "srv/"}, imagetest.File{Name: "srv/mine", UID: 1000, GID: 1000, Body: "mine"})},
	)))
}

func imagesOf(t *testing.T, api *client.Client) []image.Summary {
	t.Helper()
	images, err := api.ImageList(t.Context(), image.ListOptions{All: true})
	assert.NilError(t, err)
	slices.SortFunc(images, func(a, b image.Summary) int { return strings.Compare(a.ID, b.ID) })
	return images
}

func ids(images []image.Summary) []string {
	var all []string
	for _, i := range images {
		all = append(all, i.ID)
	}
	return all
}

// save is all that the engine has of an image, as docker save gives it.
func save(t *testing.T, api *client.Client) string {
	t.Helper()
	r, err := api.ImageSave(t.Context(), []string{"busybox:1"})
	assert.NilError(t, err)
	defer r.Close()
	var b bytes.Buffer
	_, err = io.Copy(&b, r)
	assert.NilError(t, err)
	return b.String()
}
