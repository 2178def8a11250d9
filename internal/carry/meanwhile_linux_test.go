package carry_test

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/volume"
	"github.com/docker/docker/client"
	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/carry"
	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/imagetest"
	"github.com/docker-userns/docker-userns/internal/testengine"
)

// engineWith starts an engine with two images and two volumes, and gives a job for all.
func engineWith(t *testing.T) (*testengine.Engine, *client.Client, carry.Job) {
	t.Helper()
	old := testengine.Start(t, testengine.Options{})
	api := old.Client(t)
	needOverlay(t, api)
	loadBusybox(t, api)
	other := imagetest.Step{By: "ADD", Layer: imagetest.Layer(imagetest.File{Name: "f", UID: 7, Body: "f"})}
	assert.Assert(t, load(t, api, imagetest.Archive("other:1", "", other)))
	for _, name := range []string{"one", "two"} {
		_, err := api.VolumeCreate(t.Context(), volume.CreateOptions{Name: name})
		assert.NilError(t, err)
		sh(t, filepath.Join(old.DataRoot(), "volumes", name, "_data"), "echo "+name+" >file; chown 1000:1000 file")
	}
	job := carry.Job{
		From: old.DataRoot(), To: filepath.Join(old.DataRoot(), ".twin"), Place: filepath.Join(old.DataRoot(), "100000.100000"), Map: shift.Map, Images: ids(imagesOf(t, api)), Volumes: []string{"one", "two"},
	}
	return old, api, job
}

// What is removed or made between two passes.
func TestJobMeanwhile(t *testing.T) {
	old, api, job := engineWith(t)
	assert.NilError(t, prepare(t, job))

	gone, err := api.ImageInspect(t.Context(), "other:1")
	assert.NilError(t, err)
	_, err = api.ImageRemove(t.Context(), "other:1", image.RemoveOptions{})
	assert.NilError(t, err)
	assert.NilError(t, api.VolumeRemove(t.Context(), "two", false))
	_, err = api.VolumeCreate(t.Context(), volume.CreateOptions{Name: "three"})
	assert.NilError(t, err)
	assert.Assert(t, load(t, api, imagetest.Archive("new:1", "", imagetest.Step{By: "ADD", Layer: imagetest.Layer(imagetest.File{Name: "g"})})))
	old.Stop()

	place := filepath.Join(old.DataRoot(), "100000.100000")
	assert.NilError(t, os.Mkdir(place, 0o700), "an empty folder may be there")
	r := finish(t, job)
	assert.DeepEqual(t, r.Gone, []string{gone.ID, "two"})
	slices.Sort(r.New)
	assert.DeepEqual(t, r.New, []string{"new:1", "three"})

	mapped := testengine.Start(t, testengine.Options{Remap: true, DataRoot: old.DataRoot()}).Client(t)
	assert.DeepEqual(t, ids(imagesOf(t, mapped)), r.Images)
	volumes, err := mapped.VolumeList(t.Context(), volume.ListOptions{})
	assert.NilError(t, err)
	assert.Equal(t, len(volumes.Volumes), 1)
	assert.Equal(t, volumes.Volumes[0].Name, "one")
	layers, err := filepath.Glob(filepath.Join(place, "overlay2/*/diff"))
	assert.NilError(t, err)
	records, err := filepath.Glob(filepath.Join(place, "image/overlay2/layerdb/sha256/*"))
	assert.NilError(t, err)
	assert.Equal(t, len(layers), len(records), "each layer that is there belongs to an image")
	assert.Equal(t, len(layers), 2)
}

// A twin is gone on with only if it was made for the same map, and by this program.
func TestJobOfAnEarlierAttempt(t *testing.T) {
	_, _, job := engineWith(t)
	assert.NilError(t, prepare(t, job))
	owner := func() string { return sh(t, job.To, "stat -c %u:%g volumes/one/_data/file") }
	assert.Equal(t, owner(), "101000:101000")
	sh(t, job.To, "touch volumes/one/marked")
	assert.NilError(t, prepare(t, job))
	sh(t, job.To, "ls volumes/one/marked") // it was gone on with

	other := job
	other.Map = idmap.Single(300000, 65536)
	assert.NilError(t, prepare(t, other))
	assert.Equal(t, owner(), "301000:301000")
	sh(t, job.To, "! ls volumes/one/marked")

	sh(t, job.To, "rm -r .docker-userns")
	before := tree(t, job.To, same)
	assert.ErrorContains(t, prepare(t, job), "it exists, and was not made by this program")
	equal(t, tree(t, job.To, same), before)
}

// A twin is finished only if it is known to be whole, and put only where nothing is.
func TestFinishRefuses(t *testing.T) {
	_, _, job := engineWith(t)
	_, err := carry.Finish(t.Context(), job.To, 1)
	assert.ErrorContains(t, err, "no such file")
	assert.NilError(t, prepare(t, job))

	sh(t, job.From, "mkdir -p 100000.100000/sub")
	_, err = carry.Finish(t.Context(), job.To, 1)
	assert.ErrorContains(t, err, "make room for the copy")
	sh(t, job.From, "ls 100000.100000/sub .twin/overlay2; rm -r 100000.100000")

	root, err := os.Open(job.From)
	assert.NilError(t, err)
	defer root.Close()
	assert.NilError(t, syscall.Flock(int(root.Fd()), syscall.LOCK_EX))
	_, err = carry.Finish(t.Context(), job.To, 1)
	assert.ErrorContains(t, err, "it is being copied already")
	assert.ErrorContains(t, prepare(t, job), "it is being copied already")
	assert.NilError(t, syscall.Flock(int(root.Fd()), syscall.LOCK_UN))

	for change, want := range map[string]string{
		`sed -i s/'"boot":"[^"]*"/"boot":"another"/' .docker-userns/job.json`: "made before the host was booted",
		"chmod 777 .docker-userns":                         "not a folder that only root can write to",
		"chmod 700 .docker-userns; chown 1 .docker-userns": "not a folder that only root can write to",
	} {
		sh(t, job.To, change)
		_, err = carry.Finish(t.Context(), job.To, 1)
		assert.ErrorContains(t, err, want)
		sh(t, job.To, "chown 0 .docker-userns; chmod 700 .docker-userns")
	}
}

func TestCheckOfATwin(t *testing.T) {
	old, _, job := engineWith(t)
	sh(t, old.DataRoot()+"/volumes/one/_data", "mkdir -p a/b; echo deep >a/b/deep; ln -s a link; mkfifo fifo; for i in $(seq 200); do echo $i >f$i; done")
	assert.NilError(t, prepare(t, job))
	old.Stop()
	place := filepath.Join(old.DataRoot(), "100000.100000")
	finish(t, job)
	check := func() carry.Compared {
		t.Helper()
		c, err := placed(job).Check(t.Context())
		assert.NilError(t, err)
		return c
	}
	c := check()
	assert.Equal(t, len(c.Differ), 0, "%v", c.Differ)
	assert.Equal(t, c.Changed, int64(0))

	sh(t, place+"/volumes/two/_data", "echo changed >file; echo new >other")
	c = check()
	assert.Equal(t, len(c.Differ), 0, "%v", c.Differ)
	assert.Equal(t, c.Changed, int64(1), "what the engine wrote since counts as changed")

	kept := filepath.Join(t.TempDir(), "kept")
	for change, want := range map[string]string{
		"echo two >file":           "modified at another time",
		"chmod 600 file":           "its mode is",
		"chown 5 file":             "its owner is 101000:101000, not 100005:101000",
		"printf 12345678901 >file": "its size is 4, not 11",
		"touch -r file x; tr a-z A-Z <file >x; touch -r file x; cat x >file; touch -r x file; rm x": "its content is not the same",
		"echo more >missing": "missing: it is missing",
	} {
		one := filepath.Join(job.From, "volumes/one/_data")
		sh(t, one, "find . -mindepth 1 ! -name file -delete; cp -p file "+kept)
		sh(t, one, change)
		c := check()
		assert.Assert(t, len(c.Differ) >= 1 && strings.Contains(strings.Join(c.Differ, "\n"), want), "%s: %v", change, c.Differ)
		sh(t, one, "rm -f missing; cp -p "+kept+" file")
	}
}

func TestMeasure(t *testing.T) {
	_, _, job := engineWith(t)
	volumes := filepath.Join(job.From, "volumes")
	sh(t, volumes, "head -c 3000000 /dev/urandom >one/_data/big; ln one/_data/big one/_data/again; truncate -s 1G one/_data/hole; touch one/_data/high; chown 70000 one/_data/high")
	for name, make := range map[string]string{
		"link":   "rmdir link/_data; ln -s /etc link/_data",
		"nfs":    `echo '{"MountType":"nfs","MountOpts":"addr=h","MountDevice":":/x"}' >nfs/opts.json`,
		"inside": "mkdir inside/_data/m; mount -t tmpfs none inside/_data/m",
	} {
		sh(t, volumes, "mkdir -p "+name+"/_data; "+make)
		job.Volumes = append(job.Volumes, name)
	}
	t.Cleanup(func() { _ = unix.Unmount(filepath.Join(volumes, "inside/_data/m"), 0) })
	hex := strings.Repeat("1", 64)
	job.Images = append(job.Images, "sha256:"+hex)

	m, err := job.Measure(t.Context(), 2)
	assert.NilError(t, err)
	assert.Equal(t, strconv.FormatInt(m.Volumes["one"].Bytes/1024, 10), sh(t, volumes, "du -sk one/_data | cut -f1"))
	assert.Equal(t, m.Volumes["one"].Files, int64(5))
	assert.Equal(t, m.Unmapped["one"], int64(1))
	for name, want := range map[string]string{"link": "not a folder", "nfs": `it is a mount of ":/x" (type "nfs")`, "inside": "another file system is mounted there", "sha256:" + hex: "no such file"} {
		assert.Assert(t, strings.Contains(m.Problems[name], want), "%s: %s", name, m.Problems[name])
	}
	assert.Equal(t, len(m.Problems), 4, "%v", m.Problems)
	assert.Equal(t, len(m.Images), 2)
	assert.Assert(t, m.Free.Bytes > 0 && m.Speed.Bytes > 0 && m.Speed.Files > 0, "%+v", m)
	assert.Equal(t, len(m.Mounted), 0)
	assert.Equal(t, m.Have, carry.Size{})
	var all carry.Size
	for _, s := range m.Images {
		all.Files += s.Files
	}
	assert.Equal(t, m.All.Files, all.Files+m.Volumes["one"].Files+m.Volumes["two"].Files) // no layer is shared
	assert.Equal(t, sh(t, job.From, "ls -A | grep -c docker-userns || true"), "0", "nothing is left of the trial")
}
