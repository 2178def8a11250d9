package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/imagetest"
	"github.com/docker-userns/docker-userns/internal/probe/probetest"
	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/testengine"
)

func allOf(status report.Status) map[string]report.Status {
	return map[string]report.Status{"probe-map": status, "probe-root": status, "probe-user": status, "probe-volume": status, "probe-bind": status}
}

func run(t *testing.T, p *Probe) Report {
	t.Helper()
	r, err := p.Run(t.Context())
	assert.NilError(t, err)
	return r
}

func TestProbeProvesAMap(t *testing.T) {
	e := testengine.Start(t, testengine.Options{Remap: true})
	p := newProbe(t, e, remapped)
	r := run(t, p)
	assert.DeepEqual(t, statusByID(r.Results()), allOf(report.OK))
	took, err := p.Start(t.Context())
	assert.NilError(t, err)
	assert.Assert(t, took > 0)
	assert.NilError(t, p.Close())
	empty(t, e)

	t.Run("and disproves another", func(t *testing.T) {
		r.Map = idmap.Single(200000, testengine.Size)
		assert.DeepEqual(t, statusByID(r.Results()), allOf(report.Error))
	})
	t.Run("and that remap is off", func(t *testing.T) {
		r.Map = idmap.Map{}
		assert.DeepEqual(t, statusByID(r.Results()), allOf(report.Error))
	})
	t.Run("with less where the host is out of reach", func(t *testing.T) {
		p := newProbe(t, e, remapped)
		p.Host = host.None{}
		want := allOf(report.OK)
		want["probe-volume"], want["probe-bind"] = report.Unknown, report.Unknown
		r := run(t, p)
		assert.DeepEqual(t, statusByID(r.Results()), want)
		assert.Equal(t, r.Users[1].By, ByTop)
		r.Map = idmap.Single(200000, testengine.Size)
		assert.Equal(t, statusByID(r.Results())["probe-user"], report.Error)
	})
	t.Run("again where somebody removed its image", func(t *testing.T) {
		p := newProbe(t, e, remapped)
		run(t, p)
		_, err := p.API.ImageRemove(t.Context(), p.image, image.RemoveOptions{})
		assert.NilError(t, err)
		_, err = p.Start(t.Context())
		assert.NilError(t, err)
	})
	t.Run("with an image that holds a sh", func(t *testing.T) {
		probetest.Busybox(t, e)
		p := newProbe(t, e, remapped)
		p.Image, p.Program = "bb", "/nowhere"
		r := run(t, p)
		for _, r := range r.Results() {
			assert.Check(t, r.Status == report.OK, "%s: %s", r.ID, r.Message)
		}
		_, err := p.Start(t.Context())
		assert.NilError(t, err)
	})
	t.Run("not with an image that holds none", func(t *testing.T) {
		probetest.Load(t, e, imagetest.Archive("none:latest", "", imagetest.Step{By: "COPY . /", Layer: imagetest.Layer(imagetest.File{Name: "a"})}))
		p := newProbe(t, e, remapped)
		p.Image = "none"
		_, err := p.Run(t.Context())
		assert.ErrorContains(t, err, "image none has no sh")
		p.Image = "missing"
		_, err = p.Run(t.Context())
		assert.ErrorContains(t, err, "image missing is not on the engine")
	})
	t.Run("and leaves nothing on the host", func(t *testing.T) {
		for _, pattern := range []string{dirParent + "/" + Name + ".*", filepath.Join(e.DataRoot(), "100000.100000/volumes/*/_data")} {
			left, err := filepath.Glob(pattern)
			assert.NilError(t, err)
			assert.Equal(t, len(left), 0, "%v", left)
		}
	})
}

func TestProbeOfEngineWithoutRemap(t *testing.T) {
	e := testengine.Start(t, testengine.Options{})
	p := newProbe(t, e, idmap.Map{})
	r := run(t, p)
	assert.DeepEqual(t, statusByID(r.Results()), allOf(report.OK))
	assert.Equal(t, r.Users[1].Volume.UID, int64(1000))
	r.Map = remapped
	assert.DeepEqual(t, statusByID(r.Results()), allOf(report.Error))
}

// What a killed process left behind goes with the next probe; what one that runs
// has made stays, and so does what somebody made whose image carries the label.
func TestProbeSweepsWhatWasLeftBehind(t *testing.T) {
	e := testengine.Start(t, testengine.Options{Remap: true})
	dead := exec.Command("true")
	assert.NilError(t, dead.Run())
	owner := strings.Replace(thisProcess(), " "+pidText(os.Getpid())+" ", " "+pidText(dead.Process.Pid)+" ", 1)
	theirs := theirsLabelled(t, e, owner)
	alive := newProbe(t, e, remapped)
	_, err := alive.Start(t.Context())
	assert.NilError(t, err)
	dir := filepath.Join(dirParent, dirName(owner))
	assert.NilError(t, os.Mkdir(dir, 0o700))
	const left = Name + "-0123456789ab"
	labels := map[string]string{Label: owner + " " + left}
	api := e.Client(t)
	_, err = api.ContainerCreate(t.Context(), &container.Config{Image: alive.image, Cmd: []string{"x"}, Labels: labels, Volumes: map[string]struct{}{"/v": {}}},
		&container.HostConfig{NetworkMode: "none"}, nil, nil, left)
	assert.NilError(t, err)

	next := newProbe(t, e, remapped)
	_, err = next.Start(t.Context())
	assert.NilError(t, err)
	_, err = api.ContainerInspect(t.Context(), left)
	assert.ErrorContains(t, err, "No such container")
	_, err = os.Stat(dir)
	assert.Assert(t, errors.Is(err, os.ErrNotExist), "%v", err)
	_, err = api.ImageInspect(t.Context(), alive.image)
	assert.NilError(t, err, "the image of a probe that is still at work was removed")
	assert.NilError(t, alive.Close())
	assert.NilError(t, next.Close())
	assert.Equal(t, all(t, e), theirs)
}

// theirsLabelled are an image that carries the label of a probe whose process has
// ended, a container and a volume of it, and a volume that somebody labelled so.
func theirsLabelled(t *testing.T, e *testengine.Engine, owner string) string {
	t.Helper()
	api := e.Client(t)
	body := tarOf(t.Context(), strings.NewReader("x"), 1)
	defer body.Close()
	answer, err := api.ImageImport(t.Context(), image.ImportSource{Source: body, SourceName: "-"}, "theirs:1",
		image.ImportOptions{Changes: []string{fmt.Sprintf("LABEL %s=%q", Label, owner+" "+Name+"-0123456789ab")}})
	assert.NilError(t, err)
	assert.NilError(t, importAnswer(answer))
	assert.NilError(t, answer.Close())
	for _, name := range []string{"db", Name + "-ba9876543210"} {
		_, err = api.ContainerCreate(t.Context(), &container.Config{Image: "theirs:1", Cmd: []string{"x"}, Volumes: map[string]struct{}{"/v": {}}},
			&container.HostConfig{NetworkMode: "none"}, nil, nil, name)
		assert.NilError(t, err)
	}
	_, err = api.VolumeCreate(t.Context(), volume.CreateOptions{Name: "data", Labels: map[string]string{Label: owner + " " + Name + "-0123456789ab"}})
	assert.NilError(t, err)
	return all(t, e)
}

// all are the containers, volumes and images of an engine.
func all(t *testing.T, e *testengine.Engine) string {
	t.Helper()
	return probetest.Docker(t, e, "ps", "-aq") + probetest.Docker(t, e, "volume", "ls", "-q") + probetest.Docker(t, e, "image", "ls", "-aq")
}

func TestLeftBehind(t *testing.T) {
	now := time.Now()
	here, _, _ := strings.Cut(thisProcess(), " ")
	for _, tc := range []struct {
		name, owner string
		age         time.Duration
		want        bool
	}{
		{"this process", thisProcess(), 9 * time.Hour, false},
		{"a process that started at another time", here + " " + pidText(os.Getpid()) + " 1", 0, true},
		{"a process that does not exist", here + " 4194305 1", 0, true},
		{"another machine, just now", "feed/1 77 1", time.Minute, false},
		{"another machine, long ago", "feed/1 77 1", 2 * time.Hour, true},
		{"a machine that does not say, just now", " 77 ", time.Minute, false},
		{"no owner, long ago", "", 2 * time.Hour, true},
		{"words", here + " x y z", time.Minute, false},
	} {
		assert.Check(t, is.Equal(leftBehind(tc.owner, now.Add(-tc.age), now), tc.want), tc.name)
	}
	owner, ok := dirMaker(dirName(thisProcess()))
	assert.Check(t, ok && owner == thisProcess(), owner)
	_, ok = dirMaker("docker-userns")
	assert.Check(t, !ok)
}

// at interrupts a probe when it makes a certain call.
type interrupting struct {
	API
	at     string
	cancel context.CancelFunc
}

func (i interrupting) did(call string) {
	if call == i.at {
		i.cancel()
	}
}

func (i interrupting) ImageImport(ctx context.Context, s image.ImportSource, ref string, o image.ImportOptions) (io.ReadCloser, error) {
	defer i.did("imported")
	i.did("importing")
	return i.API.ImageImport(ctx, s, ref, o)
}

func (i interrupting) ContainerCreate(ctx context.Context, c *container.Config, h *container.HostConfig, n *network.NetworkingConfig, p *ocispec.Platform, name string) (container.CreateResponse, error) {
	defer i.did("created")
	i.did("creating")
	return i.API.ContainerCreate(ctx, c, h, n, p, name)
}

func (i interrupting) ContainerStart(ctx context.Context, name string, o container.StartOptions) error {
	defer i.did("started")
	return i.API.ContainerStart(ctx, name, o)
}

func (i interrupting) ContainerExecAttach(ctx context.Context, id string, o container.ExecAttachOptions) (types.HijackedResponse, error) {
	defer i.did("looking")
	return i.API.ContainerExecAttach(ctx, id, o)
}

// An interrupted probe leaves nothing behind, whatever it was about to do.
func TestProbeInterrupted(t *testing.T) {
	e := testengine.Start(t, testengine.Options{Remap: true})
	for _, at := range []string{"importing", "imported", "creating", "created", "started", "looking"} {
		t.Run(at, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			p := newProbe(t, e, remapped)
			p.API = interrupting{p.API, at, cancel}
			_, err := p.Run(ctx)
			assert.Assert(t, errors.Is(err, context.Canceled), "%v", err)
			assert.NilError(t, p.Close())
			empty(t, e)
			left, _ := filepath.Glob(dirParent + "/" + Name + ".*")
			assert.Equal(t, len(left), 0, "%v", left)
		})
	}
}

// A program that could not run in the container is not sent.
func TestProbeNeedsAnImage(t *testing.T) {
	for _, platform := range [][2]string{{"linux", "mips"}, {"windows", "amd64"}} {
		assert.Check(t, is.ErrorIs(samePlatform(platform[0], platform[1]), ErrImage))
	}
	dynamic, err := exec.LookPath("ssh")
	if err != nil {
		t.Skip("needs a program that is not static")
	}
	_, _, err = openProgram(dynamic)
	assert.ErrorIs(t, err, ErrImage)
}

// Of 200 containers that run under one UID the kernel lets runc make no session
// keyring for one more. These were the words on a host with engine 28.5.
func TestProbeExplainsTheKeyringQuota(t *testing.T) {
	const words = "OCI runtime create failed: runc create failed: unable to start container process: error during container init: unable to join session keyring: unable to create session key: disk quota exceeded: unknown"
	assert.ErrorContains(t, new(Probe).explained(errors.New(words)), "sysctl kernel.keys.maxkeys=20000")
	assert.Error(t, new(Probe).explained(errors.New("no space left on device")), "no space left on device")
}
