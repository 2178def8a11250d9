package image

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/docker/docker/client"
	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/testengine"
)

func TestDaemon(t *testing.T) {
	e := testengine.Start(t, testengine.Options{})
	c := e.Client(t)
	a := picture{tag: "app:1", user: "5", layers: []string{layer("shared:1:2"), layer("a:1516583083:3")}}
	b := picture{tag: "app:2", layers: []string{layer("shared:1:2"), layer("b:4:5")}}
	load(t, c, packed(saved20(a, b)))
	assert.NilError(t, c.ImageTag(t.Context(), "app:2", "second:1"))
	roots, err := host.Daemons(e.Socket)
	assert.NilError(t, err)
	for name, hosts := range map[string][]Files{
		"stream":    nil,
		"records":   {roots[0]},
		"elsewhere": {strangers{}, host.None{}, ownRoot(t)},
	} {
		source := "daemon"
		if name == "records" {
			source = "layer-records"
		}
		t.Run(name, func(t *testing.T) { testDaemon(t, c, hosts, source, a, b) })
	}
	t.Run("vanishing", func(t *testing.T) {
		images, err := Daemon{Engine: vanishing{c, b.id()}, Names: []string{"app:1", "app:2"}}.Images(t.Context(), newRecorder())
		assert.NilError(t, err)
		assert.NilError(t, images[0].Err)
		assert.ErrorContains(t, images[1].Err, "gone meanwhile")
	})
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := &stalled{Engine: c, cancel: cancel}
		_, err := Daemon{Engine: s, Names: []string{"app:1"}}.Images(ctx, newRecorder())
		assert.Assert(t, errors.Is(err, context.Canceled), "%v", err)
		assert.Assert(t, s.closed, "the body was left open")
	})
}

func testDaemon(t *testing.T, c *client.Client, hosts []Files, source string, a, b picture) {
	read := func(d Daemon) (*recorder, []Image) {
		v := newRecorder()
		d.Engine, d.Hosts = c, hosts
		images, err := d.Images(t.Context(), v)
		assert.NilError(t, err)
		return v, images
	}
	v, images := read(Daemon{Names: []string{"app:1", b.id(), "app:1"}})
	v.expect(t, images, a, b, a)
	assert.Equal(t, images[0].Source, source)
	assert.DeepEqual(t, namesOf(images), []string{"app:1", b.id(), "app:1"})
	assert.Equal(t, v.calls, 3, "each layer is read once")

	_, images = read(Daemon{Names: []string{"nope:1", "app:2"}})
	assert.ErrorContains(t, images[0].Err, "the engine has no such image: pull it, or audit it in its registry as docker://nope:1")
	assert.NilError(t, images[1].Err)

	v, images = read(Daemon{All: true})
	v.expect(t, images, a, b)
	assert.DeepEqual(t, namesOf(images), []string{"app:1", "app:2"})
	assert.DeepEqual(t, images[1].Tags, []string{"app:2", "second:1"})

	_, images = read(Daemon{Names: []string{"app:1"}, Platform: "linux/s390x"})
	assert.ErrorContains(t, images[0].Err, `no image for linux/s390x, only for "linux/amd64"`)
	v, images = read(Daemon{Names: []string{"app:1"}, Platform: "linux/amd64"})
	v.expect(t, images, a)
}

func TestDaemonThatDoesNotAnswer(t *testing.T) {
	c, err := client.NewClientWithOpts(client.WithHost("unix:///nonexistent/d.sock"))
	assert.NilError(t, err)
	_, err = Daemon{Engine: c, Names: []string{"app"}}.Images(t.Context(), newRecorder())
	assert.ErrorContains(t, err, "asking the daemon about itself: ")
}

func namesOf(images []Image) (names []string) {
	for _, img := range images {
		names = append(names, img.Name)
	}
	return names
}

// strangers is a host that has no such files.
type strangers struct{}

func (strangers) ReadFiles(_ context.Context, paths []host.Path, each func(host.Path, io.Reader, error) error) error {
	for _, p := range paths {
		if err := each(p, strings.NewReader("{}"), nil); err != nil {
			return err
		}
	}
	return nil
}

// ownRoot is this machine, but seen with an empty directory for a root.
func ownRoot(t *testing.T) Files { return rootedAt{t.TempDir(), host.Local()} }

type rootedAt struct {
	dir string
	Files
}

func (r rootedAt) ReadFiles(ctx context.Context, paths []host.Path, each func(host.Path, io.Reader, error) error) error {
	var moved []host.Path
	for _, p := range paths {
		moved = append(moved, host.Path{Root: r.dir, Name: p.String()})
	}
	return r.Files.ReadFiles(ctx, moved, func(p host.Path, body io.Reader, err error) error {
		return each(host.Path{Name: p.Name}, body, err)
	})
}

// vanishing is an engine whose image goes away between two calls.
type vanishing struct {
	Engine
	id string
}

func (e vanishing) ImageSave(ctx context.Context, ids []string, opts ...client.ImageSaveOption) (io.ReadCloser, error) {
	if slices.Contains(ids, e.id) {
		return nil, errors.New("gone meanwhile")
	}
	return e.Engine.ImageSave(ctx, ids, opts...)
}

// stalled is an engine that stops sending; its user gives up.
type stalled struct {
	Engine
	cancel func()
	closed bool
}

func (e *stalled) ImageSave(context.Context, []string, ...client.ImageSaveOption) (io.ReadCloser, error) {
	r, _ := io.Pipe()
	return &stalledBody{PipeReader: r, engine: e}, nil
}

type stalledBody struct {
	*io.PipeReader
	engine *stalled
}

func (b *stalledBody) Read(p []byte) (int, error) {
	b.engine.cancel()
	return b.PipeReader.Read(p)
}

func (b *stalledBody) Close() error {
	b.engine.closed = true
	return b.PipeReader.Close()
}
