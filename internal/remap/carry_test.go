package remap

import (
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/carry"
	"github.com/docker-userns/docker-userns/internal/survey"
)

var imageA, imageB = "sha256:" + strings.Repeat("a", 64), "sha256:" + strings.Repeat("b", 64)

// shelved is the plain host with two images and more volumes.
func shelved() survey.Facts {
	f := plain()
	f.Images = read([]survey.Image{{ID: imageA, Tags: []string{"app:1", "old/app:2"}}, {ID: imageB}})
	f.Volumes = read([]survey.Volume{
		{Name: unnamed, Driver: "local", Mountpoint: "/var/lib/docker/volumes/" + unnamed + "/_data"}, // goes with its container
		{Name: "data", Driver: "local", Mountpoint: "/var/lib/docker/volumes/data/_data"},
		{Name: "cache", Driver: "local", Mountpoint: "/var/lib/docker/volumes/cache/_data"},
		{Name: "nfs", Driver: "rclone", Mountpoint: "/mnt"},
	})
	return f
}

// allWanted has no containers: those of the plain host have no IDs as real ones.
var allWanted = Wanted{Images: true, Volumes: true, Networks: true}

func choose(t *testing.T, f survey.Facts, w Wanted) Chosen {
	t.Helper()
	chosen, err := ChooseCarried(f, enable(t, f, nil), w)
	assert.NilError(t, err)
	return chosen
}

func TestChooseCarried(t *testing.T) {
	chosen := choose(t, shelved(), allWanted)
	j, left := chosen.Job, chosen.Left
	assert.DeepEqual(t, j, carry.Job{
		From: "/var/lib/docker", To: "/var/lib/docker/.docker-userns-twin", Place: "/var/lib/docker/165536.165536", Map: j.Map,
		Images: []string{imageA, imageB}, Volumes: []string{"data", "cache"}, Networks: true, Known: []string{"nfs", "c1", "c2"},
	})
	assert.Equal(t, j.Map.String(), "0:165536:65536")
	assert.DeepEqual(t, left, []LeftOut{{survey.KindVolume, "nfs", "its driver is rclone, which keeps its data elsewhere"}, {survey.KindContainer, "web", "not asked for"}, {survey.KindContainer, "job", "not asked for"}})
	for name, tc := range map[string]struct {
		change func(f *survey.Facts, w *Wanted)
		object string
		why    string // "" it is carried
	}{
		"volumes alone":        {func(_ *survey.Facts, w *Wanted) { w.Images = false }, "app:1, old/app:2", "not asked for"},
		"images alone":         {func(_ *survey.Facts, w *Wanted) { w.Volumes = false }, "data", "not asked for"},
		"refused":              {func(_ *survey.Facts, w *Wanted) { w.Refused = map[string]string{imageB: "x of 70000:0"} }, imageB, "x of 70000:0"},
		"an excluded volume":   {func(_ *survey.Facts, w *Wanted) { w.Exclude = []Exclusion{{survey.KindVolume, "ca*"}} }, "cache", "excluded"},
		"a volume is no image": {func(_ *survey.Facts, w *Wanted) { w.Exclude = []Exclusion{{survey.KindImage, "*"}} }, "cache", ""},
		"one name is excluded": {func(_ *survey.Facts, w *Wanted) { w.Exclude = []Exclusion{{survey.KindImage, "old/*"}} }, "app:1, old/app:2", ""},
		"all names are excluded": {func(_ *survey.Facts, w *Wanted) {
			w.Exclude = []Exclusion{{survey.KindImage, "old/*"}, {survey.KindImage, "app"}}
		}, "app:1, old/app:2", "excluded"},
		"an image without a name": {func(_ *survey.Facts, w *Wanted) { w.Exclude = []Exclusion{{survey.KindImage, "*"}} }, imageB, ""},
		"another storage driver":  {func(f *survey.Facts, _ *Wanted) { f.Engine.Value.Driver = "btrfs" }, imageB, "the storage driver is btrfs, and only layers of overlay2 can be copied: pull or load it again"},
		"the containerd image store": {func(f *survey.Facts, _ *Wanted) {
			f.Engine.Value.DriverStatus = [][2]string{{"driver-type", "io.containerd.snapshotter.v1"}}
		}, imageB, "it is in the containerd image store: pull or load it again"},
		"a volume elsewhere":         {func(f *survey.Facts, _ *Wanted) { f.Volumes.Value[2].Mountpoint = "/data" }, "cache", "its files are not in the data root, but in /data"},
		"a volume with a short name": {func(f *survey.Facts, _ *Wanted) { f.Volumes.Value[2].Name = ".." }, "..", "its files are not in the data root, but in /var/lib/docker/volumes/cache/_data"},
	} {
		t.Run(name, func(t *testing.T) {
			f, w := shelved(), allWanted
			tc.change(&f, &w)
			left := choose(t, f, w).Left
			why := ""
			for _, l := range left {
				if l.Name == tc.object {
					why = l.Why
				}
			}
			assert.Equal(t, why, tc.why)
		})
	}
	for version, fits := range map[string]bool{"19.03.15": false, "20.10.24+dfsg1": true, "29.8.0": true, "30.0.0": false, "dev": false} {
		f := shelved()
		f.Engine.Value.Version = version
		_, err := ChooseCarried(f, enable(t, f, nil), allWanted)
		assert.Equal(t, err == nil, fits, "%s: %v", version, err)
	}
	f := shelved()
	_, err := ChooseCarried(f, enable(t, f, func(o *EnableOptions) { o.NoRestart = true }), allWanted)
	assert.ErrorContains(t, err, "no --no-restart")
}

// measured is what a host says of the job for shelved.
func measured() carry.Measured {
	return carry.Measured{
		Images:  map[string]carry.Size{imageA: {Bytes: 1e9, Files: 10000}, imageB: {Bytes: 5e8, Files: 5000}},
		Volumes: map[string]carry.Size{"data": {Bytes: 2e9, Files: 20}, "cache": {Bytes: 1000, Files: 2}},
		All:     carry.Size{Bytes: 33e8, Files: 12000}, Free: carry.Size{Bytes: 1e10, Files: 100000}, Speed: carry.Size{Bytes: 1e8, Files: 1000},
		Unmapped: map[string]int64{"data": 3},
	}
}

func TestPlanCarry(t *testing.T) {
	f := shelved()
	chosen := choose(t, f, allWanted)
	c, err := PlanCarry(f, chosen, measured())
	assert.NilError(t, err)
	assert.Equal(t, c.String(), "2 images, 2 volumes and 1 network")
	assert.DeepEqual(t, c.Need, carry.Size{Bytes: 33e8 + 1<<30, Files: 13000})
	assert.DeepEqual(t, c.Copying, Span{23 * time.Second, 180 * time.Second}) // 33 s of bytes and 12 s of files
	assert.DeepEqual(t, c.Outage, Span{time.Second, 6 * time.Second})
	assert.DeepEqual(t, c.Volumes[0].Notes, []string{"3 files keep their owners, which the map does not have"})

	p := enable(t, f, func(o *EnableOptions) { o.Carry = c })
	assert.DeepEqual(t, names(p), []string{"copy", "arm", "account", "ranges", "validate", "config", "restart", "prove", "keep"})
	assert.Equal(t, p.Twin, chosen.Job.To)
	assert.Equal(t, p.Steps[0].Fails, Refuse)
	restarted := step(t, p, "restart").Acts[0].(restart).args
	assert.DeepEqual(t, restarted[len(restarted)-3:], []string{"restart", "300", "600"}) // the undo is put off for the last pass

	m := measured()
	m.Problems = map[string]string{imageB: "its configuration is damaged", "cache": "it is a link"}
	c, err = PlanCarry(f, chosen, m)
	assert.NilError(t, err)
	assert.DeepEqual(t, c.Job.Images, []string{imageA})
	assert.DeepEqual(t, c.Job.Volumes, []string{"data"})
	assert.DeepEqual(t, c.Job.Known, []string{"nfs", "c1", "c2", imageB, "cache"})
	assert.DeepEqual(t, c.LeftOut[3:], []LeftOut{{survey.KindImage, imageB, "its configuration is damaged"}, {survey.KindVolume, "cache", "it is a link"}})
	assert.DeepEqual(t, chosen.Job.Known, []string{"nfs", "c1", "c2"}) // what was planned from is as it was

	m = measured()
	m.Have = carry.Size{Bytes: 3e9, Files: 11000}
	c, err = PlanCarry(f, chosen, m)
	assert.NilError(t, err)
	assert.DeepEqual(t, c.Need, carry.Size{Bytes: 3e8 + 1<<30, Files: 2000}) // an earlier attempt counts
}

func TestPlanCarryRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(m *carry.Measured)
		want   string
	}{
		"the data root exists": {func(m *carry.Measured) { m.Existing = true }, "/var/lib/docker/165536.165536 exists"},
		"a mount":              {func(m *carry.Measured) { m.Mounted = []string{"/var/lib/docker/volumes"} }, "/var/lib/docker/volumes is a mount or a link"},
		"no space":             {func(m *carry.Measured) { m.Free.Bytes = 4e9 }, "needs 4.374GB, and 4GB are free; free some, or leave the largest out with --exclude: volume:data (2GB), image:app:1, old/app:2 (1GB), volume:cache (1kB)"},
		"no inodes":            {func(m *carry.Measured) { m.Free.Files = 12500 }, "needs 13000 inodes, and 12500 are free"},
		"nothing can be copied": {func(m *carry.Measured) {
			m.Problems = map[string]string{imageA: "x", imageB: "x", "data": "y", "cache": "y"}
		}, "there is nothing that can be carried: its driver is rclone, which keeps its data elsewhere; not asked for; x; y"},
	} {
		t.Run(name, func(t *testing.T) {
			f := shelved()
			chosen := choose(t, f, Wanted{Images: true, Volumes: true})
			m := measured()
			tc.change(&m)
			_, err := PlanCarry(f, chosen, m)
			assert.ErrorContains(t, err, tc.want)
		})
	}
	f := shelved()
	chosen := choose(t, f, allWanted)
	m := measured()
	m.Free.Files = -1 // a file system without a limit
	_, err := PlanCarry(f, chosen, m)
	assert.NilError(t, err)
}
