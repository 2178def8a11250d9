package image

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	dockerimage "github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/system"
	"github.com/docker/docker/client"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/host"
)

// stored is an engine with containerd's image store, whose blobs are files below its
// data root. It sends nothing.
type stored struct {
	Engine
	root string
	ids  map[string]string // by tag
}

// storeOf makes one of an OCI layout.
func storeOf(t *testing.T, files []file) *stored {
	t.Helper()
	e := &stored{root: t.TempDir(), ids: map[string]string{}}
	for _, f := range files {
		name := filepath.Join(e.root, "containerd/daemon", contentFolder, f.name)
		assert.NilError(t, os.MkdirAll(filepath.Dir(name), 0o755))
		assert.NilError(t, os.WriteFile(name, []byte(f.body), 0o644))
		if f.name == indexName {
			var index ocispec.Index
			fromJSON(f.body, &index)
			for _, d := range index.Manifests {
				e.ids[d.Annotations[ocispec.AnnotationRefName]] = d.Digest.String()
			}
		}
	}
	return e
}

func (e *stored) Info(context.Context) (system.Info, error) {
	return system.Info{DockerRootDir: e.root, DriverStatus: [][2]string{{"driver-type", "io.containerd.snapshotter.v1"}}}, nil
}

func (e *stored) ImageInspect(_ context.Context, name string, _ ...client.ImageInspectOption) (dockerimage.InspectResponse, error) {
	return dockerimage.InspectResponse{ID: e.ids[name]}, nil
}

func (e *stored) ImageSave(context.Context, []string, ...client.ImageSaveOption) (io.ReadCloser, error) {
	return nil, errors.New("nothing is sent")
}

// ImageList lists a:1 as the largest, c:1 as the smallest.
func (e *stored) ImageList(context.Context, dockerimage.ListOptions) (list []dockerimage.Summary, err error) {
	for tag, id := range e.ids {
		list = append(list, dockerimage.Summary{ID: id, RepoTags: []string{tag}, Size: int64('z' - tag[0])})
	}
	return list, nil
}

func (e *stored) ClientVersion() string { return "1.51" }

// lent is the program for this machine.
func lent(t *testing.T) host.Program {
	t.Helper()
	machine, err := exec.Command("uname", "-m").Output()
	assert.NilError(t, err)
	file := filepath.Join(t.TempDir(), "program")
	cmd := exec.Command("go", "build", "-o", file, "../onhost/docker-userns-host")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	assert.NilError(t, err, "%s", out)
	program, err := os.ReadFile(file)
	assert.NilError(t, err)
	return host.Program{Name: "docker-userns-host", Builds: map[string][]byte{strings.TrimSpace(string(machine)): []byte(gzipOf(string(program)))}}
}

// sudo is this machine, looked at through a shell.
func sudo(t *testing.T) Lender {
	t.Helper()
	if exec.Command("sudo", "-n", "true").Run() != nil {
		t.Skip("sudo -n does not work here")
	}
	h := host.Sudo(nil)
	t.Cleanup(func() { assert.NilError(t, h.Close()) })
	return h.(Lender)
}

func here(t *testing.T) Files {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, as whoever opens files of an engine does")
	}
	root, err := host.OpenProcessRoot(os.Getpid())
	assert.NilError(t, err)
	t.Cleanup(func() { root.Close() })
	return root
}

// Files of a content store are read here as on a host that is lent a program: layers of
// each kind, several platforms, a damaged layer that two images share.
func TestContentStore(t *testing.T) {
	a := picture{tag: "a:1", user: "5", layers: []string{layer("shared:1:2"), layer("etc/passwd:0:0", "big:1516583083:3")}}
	b := picture{tag: "b:1", layers: []string{layer("shared:1:2"), bodied("body", 1<<20)}}
	other := picture{tag: "b:1", platform: "linux/s390x", layers: []string{layer("shared:1:2"), layer("s:9:9")}}
	c := picture{tag: "c:1", layers: []string{layer("shared:1:2")}}
	program := lent(t)
	for packing, pack := range map[string]func(string) string{"plain": plain, "gzip": gzipOf, "zstd": zstdOf} {
		t.Run(packing, func(t *testing.T) {
			e := storeOf(t, layout(pack, a, b, other, c))
			read := func(from Files, names ...string) (*recorder, []Image) {
				v := newRecorder()
				images, err := Daemon{Engine: e, Names: names, Platform: "all", Hosts: []Files{from}, Program: program}.Images(t.Context(), v)
				assert.NilError(t, err)
				return v, images
			}
			direct, want := read(here(t), "a:1", "b:1", "c:1", "b:1")
			v, got := read(sudo(t), "a:1", "b:1", "c:1", "b:1")
			assert.Equal(t, v.flatAll(got), direct.flatAll(want))
			assert.Equal(t, len(got), 6)
			assert.Equal(t, v.calls, 4, "each layer is read once")
			for _, img := range got {
				assert.NilError(t, img.Err)
				assert.Equal(t, img.Source, sourceContent)
			}

			damaged := filepath.Join(e.root, "containerd/daemon", contentFolder, place(pack(c.layers[0])))
			body, err := os.ReadFile(damaged)
			assert.NilError(t, err)
			if packing == "plain" {
				return // is walked from header to header
			}
			body[9] ^= 1
			assert.NilError(t, os.WriteFile(damaged, body, 0o644))
			for _, from := range []Files{here(t), sudo(t)} {
				_, images := read(from, "a:1", "c:1")
				for _, img := range images {
					assert.ErrorContains(t, img.Err, "digest mismatch")
				}
			}
		})
	}
}

// If a host cannot run the program, images are streamed, and it is said why.
func TestContentStoreWithoutProgram(t *testing.T) {
	e := storeOf(t, layout(gzipOf, picture{tag: "a:1", layers: []string{layer("a:1:1")}}))
	var why error
	images, err := Daemon{Engine: e, Names: []string{"a:1"}, Hosts: []Files{sudo(t)}, Program: host.Program{Name: "p"}, Note: func(err error) { why = err }}.
		Images(t.Context(), newRecorder())
	assert.NilError(t, err)
	assert.ErrorContains(t, images[0].Err, "nothing is sent")
	assert.ErrorIs(t, why, host.ErrNoBuild)
}

// What there is no time for is said to be so, and the connection stays.
func TestContentStoreWithoutTime(t *testing.T) {
	e := storeOf(t, layout(gzipOf, picture{tag: "a:1", layers: []string{bodied("a", 8<<20)}}, picture{tag: "b:1", layers: []string{layer("b:1:1")}}))
	from := sudo(t)
	images, err := Daemon{Engine: e, Names: []string{"a:1", "b:1"}, Hosts: []Files{from}, Program: lent(t), RecordsOnly: true, Within: time.Nanosecond}.
		Images(t.Context(), newRecorder())
	assert.NilError(t, err)
	for _, img := range images {
		assert.ErrorIs(t, img.Err, ErrNoTime)
	}
	images, err = Daemon{Engine: e, Names: []string{"a:1", "b:1"}, Hosts: []Files{from}, Program: lent(t), RecordsOnly: true, Within: time.Hour}.
		Images(t.Context(), newRecorder())
	assert.NilError(t, err)
	for _, img := range images {
		assert.NilError(t, img.Err)
	}
}

// If there is little time, small images come first.
func TestSmallImagesFirst(t *testing.T) {
	var pictures []picture
	for _, tag := range []string{"a:1", "b:1", "c:1"} {
		pictures = append(pictures, picture{tag: tag, layers: []string{layer(tag[:1] + ":1:1")}})
	}
	e := storeOf(t, layout(gzipOf, pictures...))
	for within, want := range map[time.Duration][]string{0: {"a:1", "b:1", "c:1"}, time.Hour: {"c:1", "b:1", "a:1"}} {
		images, err := Daemon{Engine: e, All: true, Hosts: []Files{here(t)}, Within: within}.Images(t.Context(), newRecorder())
		assert.NilError(t, err)
		assert.DeepEqual(t, namesOf(images), want)
	}
}

// forger is a host that answers with whatever it likes.
type forger struct {
	Files
	answer []byte
}

func (f forger) Do(_ context.Context, _ host.Program, j host.Job, read func(io.Reader) error) error {
	if len(j.Stdin) == 0 {
		return nil
	}
	return read(bytes.NewReader(f.answer))
}

// A host that answers nonsense makes an error of the image, and no more.
func TestForgedAnswers(t *testing.T) {
	e := storeOf(t, layout(gzipOf, picture{tag: "a:1", layers: []string{layer("a:1:1")}}))
	for _, answer := range []string{"", "nonsense", gzipOf(""), gzipOf("\x00\x03"), gzipOf("\x00\x00\x01\x00\x00"), gzipOf("\x05\x00\x00\x00\x00")} {
		images, err := Daemon{Engine: e, Names: []string{"a:1"}, Hosts: []Files{forger{sudo(t), []byte(answer)}}}.Images(t.Context(), newRecorder())
		assert.NilError(t, err)
		assert.Assert(t, images[0].Err != nil, "%q", answer)
	}
	wrong := digest.FromString("another").String()
	forged := gzipOf("\x00\x00\x01" + fmt.Sprintf("%c", len(wrong)) + wrong + "\x00")
	images, err := Daemon{Engine: e, Names: []string{"a:1"}, Hosts: []Files{forger{sudo(t), []byte(forged)}}}.Images(t.Context(), newRecorder())
	assert.NilError(t, err)
	assert.ErrorContains(t, images[0].Err, "digest mismatch")
}

// breeder is a host whose every document leads to a thousand others.
type breeder struct {
	Files
	made, asked int
}

func (*breeder) Do(context.Context, host.Program, host.Job, func(io.Reader) error) error { return nil }

func (b *breeder) ReadFiles(_ context.Context, paths []host.Path, each func(host.Path, io.Reader, error) error) error {
	b.asked += len(paths)
	for _, p := range paths {
		var s strings.Builder
		for range 1000 {
			b.made++
			fmt.Fprintf(&s, `,{"digest":"sha256:%064x"}`, b.made)
		}
		if err := each(p, strings.NewReader(`{"manifests":[`+s.String()[1:]+`]}`), nil); err != nil {
			return err
		}
	}
	return nil
}

// A host is not asked for as many documents as it can name.
func TestDocumentsWithoutEnd(t *testing.T) {
	b := &breeder{}
	before := heap()
	s, err := openRemote(t.Context(), b, host.Program{}, "/x", "", []request{{id: digest.FromString("x").String()}})
	assert.NilError(t, err)
	assert.Assert(t, b.asked <= maxNamesLent, "%d documents were asked for", b.asked)
	held := heap() - before
	assert.Assert(t, held < 256<<20, "%d MiB", held>>20)
	runtime.KeepAlive(s)
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
