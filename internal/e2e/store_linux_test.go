package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/imagetest"
	"github.com/docker-userns/docker-userns/internal/testbed"
)

// On an engine that keeps its images in containerd's store, root on its host reads
// them there, and gets the answer that the engine's own export gives. What was
// changed in the store is noticed.
func TestImagesInContainerdsStore(t *testing.T) {
	host := boot(t, testbed.Engine29)
	install(t, host)
	loadPictures(t, host)
	packed := imagetest.Archive("packed:1", "", step("RUN npm i", imagetest.File{Name: npmFile, UID: npmOwner}))
	assert.NilError(t, host.Load(t.Context(), bytes.NewReader(packed)))
	host.Shell(t, "docker tag fine:1 fine:2")
	local := func(args string) answer {
		return ask(t, host.Command("su", "-", "root", "-c", "docker userns audit-image "+args))
	}
	configs := map[string]any{}
	for name, archive := range map[string][]byte{"fine:1": pictures["fine:1"], "npm:1": pictures["npm:1"], "user:1": pictures["user:1"], "packed:1": packed} {
		file := filepath.Join(t.TempDir(), "image.tar")
		assert.NilError(t, os.WriteFile(file, archive, 0o644))
		configs[name] = reports(t, docker(t, host, nil, "userns", "audit-image", "--format", "json", "docker-archive:"+file))[name].rest["configDigest"]
	}
	read := reports(t, local("--format json --all"))
	assert.Equal(t, len(read), 4)
	for name, r := range read {
		assert.Equal(t, r.Source, "content-store", name)
		assert.Equal(t, r.rest["id"], host.Shell(t, "docker image inspect -f '{{.Id}}' "+name))
		assert.Equal(t, r.rest["configDigest"], configs[name])
		delete(r.rest, "source")
	}
	// From elsewhere: as root, as root through sudo, and as one who is not root there; and
	// here through sudo.
	for from, a := range map[string]answer{
		"root": docker(t, host, nil, "--context", "root", "userns", "audit-image", "--format", "json", "--all"),
		"opnp": docker(t, host, nil, "--context", "opnp", "userns", "audit-image", "--format", "json", "--all"),
		"op":   docker(t, host, nil, "--context", "op", "userns", "audit-image", "--format", "json", "--all"),
		"sudo": ask(t, host.Command("su", "-", "opnp", "-c", "docker userns audit-image --format json --all")),
	} {
		source := "content-store"
		if from == "op" {
			source = "daemon"
		}
		other := reports(t, a)
		assert.Equal(t, len(other), len(read), "%s: %s", from, a.stderr)
		for name, r := range other {
			assert.Equal(t, r.Source, source, "%s: %s: %s", from, name, a.stderr)
			delete(r.rest, "source")
			assert.DeepEqual(t, r.rest, read[name].rest)
		}
		assert.Equal(t, host.Shell(t, "ls -d /run/docker-userns.* /var/lib/docker-userns.* /tmp/docker-userns.* 2>/dev/null || :; pgrep -l docker-userns || :"), "", from)
	}
	assert.Equal(t, read["npm:1"].Verdict, "unmappable")

	id := read["npm:1"].rest["id"].(string)
	for _, name := range []string{id, strings.TrimPrefix(id, "sha256:"), strings.TrimPrefix(id, "sha256:")[:12]} {
		for from, a := range map[string]answer{
			"on the host": local("--format json " + name),
			"over ssh":    docker(t, host, nil, "--context", "op", "userns", "audit-image", "--format", "json", name),
		} {
			assert.Equal(t, reports(t, a)[name].Verdict, "unmappable", "%s %s: %s%s", name, from, a.stdout, a.stderr)
		}
	}

	for _, c := range []judged{on(t, host, "root"), on(t, host, "opnp"), over(t, host, "root"), over(t, host, "opnp")} {
		v := c.of(t, "impact-images")
		assert.Equal(t, v.Status, "warning", v.Message)
		assert.Equal(t, len(v.Details), 3, "npm:1, packed:1 and user:1: %v", v.Details)
	}
	v := over(t, host, "op").of(t, "impact-images")
	assert.Equal(t, v.Status, "unknown", "they would have to be streamed: %s", v.Message)
	assert.Equal(t, len(v.Details), 1, "%v", v.Details)
	assert.Assert(t, strings.Contains(v.Details[0].Note, "not as root: "), v.Details[0].Note)

	// Flip a byte of a layer, and then of a manifest.
	const blobs = "/var/lib/containerd/io.containerd.content.v1.content/blobs/sha256/"
	for _, kind := range []string{"application/vnd.oci.image.layer", id} {
		blob := strings.TrimPrefix(kind, "sha256:")
		if kind != id {
			blob = host.Shell(t, `sed -n 's/.*"layers":\[[^]]*"digest":"sha256:\([0-9a-f]*\)".*/\1/p' `+blobs+strings.TrimPrefix(id, "sha256:"))
		}
		host.Shell(t, `b=`+blobs+blob+`; cp -p $b /root/kept; chmod u+w $b; printf X | dd of=$b bs=1 seek=40 conv=notrunc 2>/dev/null`)
		a := local("npm:1")
		host.Shell(t, `cp -p /root/kept `+blobs+blob)
		assert.Equal(t, a.code, 2, "%s: %s%s", kind, a.stdout, a.stderr)
		assert.Assert(t, strings.Contains(a.stderr, "digest mismatch"), a.stderr)
	}
}

// With containerd-migration, Docker 29 goes back to containerd's store under remap.
func TestAnEngineThatSwitchesItsStoreBack(t *testing.T) {
	host := boot(t, testbed.Engine29)
	host.WriteFile(t, daemonJSON, []byte(`{"features": {"containerd-migration": true}}`), 0o644)
	before := files(t, host)
	a := change(t, host, "root", "enable", "--yes")
	assert.Equal(t, a.code, 1, "%s%s", a.stdout, a.stderr)
	assert.Assert(t, strings.Contains(a.stderr, "config-keys"), a.stderr)
	assert.Equal(t, files(t, host), before)

	host.Remap(t, 100000, 65536)
	assert.Equal(t, over(t, host, "root").of(t, "image-store").Status, "ok")
	host.WriteFile(t, daemonJSON, []byte(`{"userns-remap": "dockremap", "features": {"containerd-migration": true}}`), 0o644)
	host.Shell(t, "systemctl restart docker")
	assert.Equal(t, host.Shell(t, "docker info -f '{{.Driver}} {{.SecurityOptions}}' | grep -c 'overlayfs.*userns'"), "1", "this engine switches no more")

	v := over(t, host, "root").of(t, "image-store")
	assert.Equal(t, v.Status, "error", v.Message)
	a = docker(t, host, nil, "--context", "root", "userns", "verify")
	assert.Equal(t, a.code, 1, a.stdout)
	assert.Assert(t, strings.Contains(a.stdout, "containerd-migration"), a.stdout)
}
