package imagetest_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/docker-userns/docker-userns/internal/audit"
	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/image"
	"github.com/docker-userns/docker-userns/internal/testengine"
	"github.com/google/go-containerregistry/pkg/compression"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"
)

const packageJSON = `{"name":"shop","version":"1.0.0","dependencies":{
	"express":"4.16.4","content-type":"1.0.4","cookie-signature":"1.0.6","asynckit":"0.4.0"}}`

// The Dockerfiles of the article that people find when their image cannot be
// pulled: the chown in the same RUN works, the one in a later RUN does not.
const (
	chownInTime = `FROM node
WORKDIR /app
COPY package.json .
RUN npm i -g npm@9.1.1 && npm i && find node_modules ! -user root | xargs chown root:root
`
	chownTooLate = `FROM node
WORKDIR /app
COPY package.json .
RUN npm i -g npm@9.1.1 && npm i
RUN find node_modules ! -user root | xargs chown root:root
`
)

// TestNPM builds the two with the real npm on a real engine, audits them from
// wherever they can be, and lets a remapped engine have the last word.
func TestNPM(t *testing.T) {
	engine := testengine.Start(t, testengine.Options{})
	importNode(t, engine)
	buildNPM(t, engine, "in-time", chownInTime)
	buildNPM(t, engine, "too-late", chownTooLate)
	remapping := testengine.Start(t, testengine.Options{Remap: true})
	remapped := remapping.Client(t)

	for _, test := range []struct {
		name     string
		verdict  audit.Verdict
		unmapped int64
	}{{"in-time", audit.Mappable, 0}, {"too-late", audit.Unmappable, 20}} {
		t.Run(test.name, func(t *testing.T) {
			saved, err := engine.Docker("save", test.name).Output()
			assert.NilError(t, err)
			verdict, said, err := load(remapped, saved)
			assert.NilError(t, err)
			assert.Equal(t, verdict, test.verdict, said)

			for place, source := range places(t, engine, test.name, saved) {
				r := report(t, source)
				assert.Equal(t, r.Verdict, test.verdict, place)
				assert.Check(t, cmp.Equal(unmapped(r), test.unmapped), place)
				if test.unmapped > 0 {
					checkFinding(t, r.Findings[0], place)
				}
			}
			if test.unmapped > 0 { // rewritten, it runs there
				assert.Assert(t, sent(t, engine, remapping, test.name).Changed)
				out, err := remapping.Docker("run", "--rm", "--network", "none", test.name, "node", "-e", "require('/app/node_modules/express'); console.log('runs')").CombinedOutput()
				assert.NilError(t, err, "%s", out)
				assert.Assert(t, strings.Contains(string(out), "runs"), "%s", out)
			}
		})
	}
}

func checkFinding(t *testing.T, f audit.Finding, place string) {
	t.Helper()
	assert.Check(t, cmp.Equal(f.Rule, audit.UnmappedOwner), place)
	assert.Check(t, cmp.Equal(f.UID, int64(1516583083)), place)
	assert.Check(t, cmp.Equal(f.LaterLayer, audit.Chowned), place)
	assert.Check(t, cmp.Equal(f.Cause, audit.CauseNPM), place)
	assert.Check(t, strings.HasPrefix(f.Fix, "RUN npm i -g npm@9.1.1 && npm i && find "), "%s: %s", place, f.Fix)
	assert.Check(t, strings.Contains(strings.Join(f.Paths, "\n"), "app/node_modules/content-type/"), place)
}

func report(t *testing.T, source image.Source) audit.Report {
	t.Helper()
	a := audit.New(audit.Options{Map: idmap.Single(testengine.Base, testengine.Size), Paths: -1})
	images, err := source.Images(context.Background(), a)
	assert.NilError(t, err)
	assert.Equal(t, len(images), 1)
	assert.NilError(t, images[0].Err)
	return a.Report(images[0])
}

func unmapped(r audit.Report) (n int64) {
	for _, l := range r.Layers {
		n += l.Unmapped
	}
	return n
}

// places are where the image is read from: the daemon, by its records and as a
// stream, what docker save wrote, an OCI layout with gzip and with zstd, and a
// registry.
func places(t *testing.T, engine *testengine.Engine, name string, saved []byte) map[string]image.Source {
	t.Helper()
	archive := filepath.Join(t.TempDir(), "saved.tar")
	assert.NilError(t, os.WriteFile(archive, saved, 0o600))
	api := engine.Client(t)
	sources := map[string]image.Source{
		"daemon":         image.Daemon{Engine: api, Names: []string{name}},
		"layer-records":  image.Daemon{Engine: api, Names: []string{name}, Hosts: rootsOf(t, engine)},
		"docker-archive": image.DockerArchive(archive, image.Options{}),
		"stdin":          image.Stream("stdin", bytes.NewReader(saved), image.Options{}),
		"registry":       image.Registry{Names: []string{push(t, name, compressed(t, archive, compression.GZip))}},
	}
	for _, c := range []compression.Compression{compression.GZip, compression.ZStd} {
		dir := t.TempDir()
		_, err := layout.Write(dir, mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: compressed(t, archive, c)}))
		assert.NilError(t, err)
		sources["oci with "+string(c)] = image.OCIDir(dir, image.Options{})
	}
	return sources
}

func rootsOf(t *testing.T, engine *testengine.Engine) (files []image.Files) {
	t.Helper()
	roots, err := host.Daemons(engine.Socket)
	assert.NilError(t, err)
	for _, r := range roots {
		t.Cleanup(func() { _ = r.Close() })
		files = append(files, r)
	}
	return files
}

// compressed is the image of an archive with all layers compressed in one way.
func compressed(t *testing.T, archive string, c compression.Compression) v1.Image {
	t.Helper()
	img, err := tarball.ImageFromPath(archive, nil)
	assert.NilError(t, err)
	layers, err := img.Layers()
	assert.NilError(t, err)
	config, err := img.ConfigFile()
	assert.NilError(t, err)
	out := mutate.MediaType(empty.Image, types.OCIManifestSchema1)
	for _, l := range layers {
		packed, err := tarball.LayerFromOpener(l.Uncompressed, tarball.WithCompression(c))
		assert.NilError(t, err)
		out, err = mutate.AppendLayers(out, packed)
		assert.NilError(t, err)
	}
	out, err = mutate.ConfigFile(out, config)
	assert.NilError(t, err)
	return out
}

// push puts an image into a registry on this machine, and gives its name there.
func push(t *testing.T, repository string, img v1.Image) string {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	ref := strings.TrimPrefix(server.URL, "http://") + "/" + repository + ":1"
	parsed, err := name.ParseReference(ref)
	assert.NilError(t, err)
	assert.NilError(t, remote.Write(parsed, img))
	return ref
}

// buildNPM builds a Dockerfile in the network of this machine: npm needs its
// registry.
func buildNPM(t *testing.T, engine *testengine.Engine, tag, dockerfile string) {
	t.Helper()
	dir := t.TempDir()
	assert.NilError(t, os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(dockerfile), 0o600))
	assert.NilError(t, os.WriteFile(filepath.Join(dir, "package.json"), []byte(packageJSON), 0o600))
	out, err := engine.Docker("build", "--network", "host", "-t", tag, dir).CombinedOutput()
	assert.NilError(t, err, "%s", out)
}

// importNode makes the image "node": this machine's node, busybox, and npm
// 9.1.1 as its registry has it.
func importNode(t *testing.T, engine *testengine.Engine) {
	t.Helper()
	for _, program := range []string{"node", "npm", "busybox", "ldd"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("needs %s, which is not installed", program)
		}
	}
	root := t.TempDir()
	sh := exec.Command("sh", "-euc", nodeTree, "sh", root)
	out, err := sh.CombinedOutput()
	assert.NilError(t, err, "%s", out)
	tree := exec.Command("tar", "-C", root, "--owner=0", "--group=0", "-c", ".")
	pipe, err := tree.StdoutPipe()
	assert.NilError(t, err)
	assert.NilError(t, tree.Start())
	load := engine.Docker("import", "-", "node")
	load.Stdin = pipe
	out, err = load.CombinedOutput()
	assert.NilError(t, errors.Join(err, tree.Wait()), "%s", out)
}

const nodeTree = `
root=$1
mkdir -p "$root/bin" "$root/usr/bin" "$root/usr/lib/node_modules" "$root/etc/ssl/certs" "$root/root" "$root/tmp"
node=$(readlink -f "$(command -v node)")
for file in "$node" $(ldd "$node" | grep -o '/[^ ]*'); do
	mkdir -p "$root$(dirname "$file")"
	cp -L "$file" "$root$file"
done
[ "$node" = /usr/bin/node ] || ln -s "$node" "$root/usr/bin/node"
[ ! -d /usr/share/nodejs ] || { mkdir -p "$root/usr/share" && cp -rL /usr/share/nodejs "$root/usr/share/"; }
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
cp "$(readlink -f "$(command -v busybox)")" "$root/bin/busybox"
for applet in sh find xargs chown mkdir rm ls cat env id; do ln -s busybox "$root/bin/$applet"; done
ln -s ../../bin/env "$root/usr/bin/env"
echo root:x:0:0:root:/root:/bin/sh >"$root/etc/passwd"
echo root:x:0: >"$root/etc/group"
cd "$root/usr/lib/node_modules"
npm pack --silent npm@9.1.1 >/dev/null
tar --no-same-owner -xzf npm-9.1.1.tgz
rm npm-9.1.1.tgz
mv package npm
ln -s ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/bin/npm"
chmod +x npm/bin/*.js
echo cafile=/etc/ssl/certs/ca-certificates.crt >"$root/root/.npmrc"
`
