package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/imagetest"
	"github.com/docker-userns/docker-userns/internal/testbed"
)

// Generated images have one verdict: in archives, read in containerd's store over ssh,
// and as the engine sends them.
func TestGeneratedImagesInContainerdsStore(t *testing.T) {
	host := boot(t, testbed.Engine29)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	dir := t.TempDir()
	args := []string{"userns", "audit-image", "--format", "json", "--id-map", "0:100000:65536"}
	archives := args
	what := map[string]string{}
	tried := *count / 4 // each is read three times
	for n := range tried {
		img := imagetest.Generate(seed, n)
		if host.Load(t.Context(), bytes.NewReader(img.Archive)) != nil {
			continue // the store unpacks it, and finds no room for an owner in a file system
		}
		file := filepath.Join(dir, fmt.Sprint(n, ".tar"))
		assert.NilError(t, os.WriteFile(file, img.Archive, 0o644))
		archives, what[img.Name] = append(archives, "docker-archive:"+file), img.What
	}
	assert.Assert(t, uint64(len(what)) > tried/2, "the engine took no more than %d images", len(what))
	want := reports(t, docker(t, host, nil, archives...))
	assert.Equal(t, len(want), len(what))
	verdicts := map[string]int{}
	for context, source := range map[string]string{"root": "content-store", "op": "daemon"} {
		a := docker(t, host, nil, append([]string{"--context", context}, append(args, "--all")...)...)
		got := reports(t, a)
		assert.Equal(t, len(got), len(want), a.stderr)
		for name, r := range got {
			assert.Equal(t, r.Source, source, name)
			assert.Equal(t, r.Verdict, want[name].Verdict, "seed %d, %s, %s: %s", seed, name, source, what[name])
			assert.DeepEqual(t, r.Findings, want[name].Findings)
			verdicts[r.Verdict]++
		}
	}
	assert.Assert(t, verdicts["mappable"] > 0 && verdicts["unmappable"] > 0, "this compares nothing: %v", verdicts)
}

// A containerd whose configuration names another root is read there. The users of stopped
// containers are looked up in what is read. An image that exists only for another platform
// is audited for that one.
func TestContainerdsStoreElsewhere(t *testing.T) {
	host := boot(t, testbed.Engine29)
	accounts := imagetest.File{Name: "etc/passwd", Body: "app:x:70000:70000::/:/bin/sh\nweb:x:1000:1000::/:/bin/sh\n"}
	for name, user := range map[string]string{"high:1": "app", "low:1": "web"} {
		image := imagetest.Archive(name, user, step("COPY passwd /etc/passwd", imagetest.File{Name: "etc/"}, accounts))
		assert.NilError(t, host.Load(t.Context(), bytes.NewReader(image)))
		host.Shell(t, "docker create --name "+name[:len(name)-2]+" "+name+" /run")
	}
	other := bytes.ReplaceAll(imagetest.Archive("other:1", "", step("COPY a /a", imagetest.File{Name: "a"})), []byte(`"amd64"`), []byte(`"s390x"`))
	assert.NilError(t, host.Load(t.Context(), bytes.NewReader(other)))

	host.Shell(t, `systemctl stop docker.socket docker containerd
		mkdir -p /srv /etc/containerd
		cp -a /var/lib/containerd /srv/blobs
		rm -r /var/lib/containerd/*
		echo 'version = 2
root = "/srv/blobs"' >/etc/containerd/config.toml
		systemctl start containerd docker`)
	a := docker(t, host, nil, "--context", "root", "userns", "audit-image", "--format", "json", "high:1")
	assert.Equal(t, reports(t, a)["high:1"].Source, "content-store", a.stderr)

	v := over(t, host, "root").of(t, "impact-ids")
	assert.Equal(t, v.Status, "warning", v.Message)
	assert.Equal(t, len(v.Details), 1, "%v", v.Details)
	assert.Equal(t, v.Details[0].Name+": "+v.Details[0].Note, "high: user 70000, group 70000")
	assert.Equal(t, over(t, host, "op").of(t, "impact-ids").Status, "unknown")

	for _, context := range []string{"root", "op"} {
		for _, flags := range [][]string{nil, {"--platform", "linux/s390x"}} {
			args := append([]string{"--context", context, "userns", "audit-image", "--format", "json", "other:1"}, flags...)
			a = docker(t, host, nil, args...)
			r := reports(t, a)["other:1"]
			assert.Equal(t, r.Verdict, "mappable", a.stderr)
			assert.Equal(t, r.rest["platform"], "linux/s390x")
		}
	}
}
