//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// margin is how much longer a second audit may take than reading the manifests.
const margin = 60 * time.Millisecond

// again is an audit of what an audit has read before: the first run of each command, which
// is not counted, fills a cache.
func (b *bench) again(name, image string, check func(string) error) command {
	c := b.audit(name, image, check)
	c.args = without(c.args, "--no-cache")
	c.env = []string{"XDG_CACHE_HOME=" + filepath.Join(b.dir, "cache "+name)}
	return c
}

func without(all []string, word string) (rest []string) {
	for _, w := range all {
		if w != word {
			rest = append(rest, w)
		}
	}
	return rest
}

// againInFiles compares second audits with commands that read the manifests only.
func (b *bench) againInFiles(big facts) ([]contest, func(), error) {
	file := b.file("big", "image.tar")
	registry, manifest, err := serve(b.file("big", "gzip"))
	if err != nil {
		return nil, nil, err
	}
	host := strings.TrimPrefix(registry.URL, "http://")
	return []contest{
		{work: "3 GB, archive, again", rounds: b.rounds, commands: []command{
			b.again("archive", "docker-archive:"+file, looked(big, "docker-archive")),
			{name: "tar -xOf FILE manifest.json", args: []string{"tar", "-xOf", file, "manifest.json"}},
		}, rows: []row{{0, 1, 0, margin}}},
		{work: "3 GB, registry, again", rounds: b.rounds, commands: []command{
			b.again("registry", "docker://"+host+"/big", looked(big, "registry")),
			{name: "curl MANIFEST", args: []string{"curl", "-sf", registry.URL + "/v2/big/manifests/" + manifest}},
		}, rows: []row{{0, 1, 0, margin}}},
	}, registry.Close, nil
}

// againInEngine does the same with an engine.
func (b *bench) againInEngine(big, many facts) []contest {
	e := engine{dir: b.dir}
	of := func(name, image string, f facts, source string) command {
		c := b.again(name, tag+image, looked(f, source))
		c.env = append(c.env, e.env()...)
		return c
	}
	streamed := of("streamed", "big", big, "daemon")
	streamed.args[0], streamed.as = e.plugin(), nobody
	streamed.env[0] = "XDG_CACHE_HOME=" + e.path("nobody")
	inspect := command{name: "docker image inspect", args: []string{"docker", "image", "inspect", tag + "big"}, env: e.env()}
	return []contest{
		{
			work: "3 GB, in a daemon, again", engine: true, rounds: b.rounds,
			commands: []command{of("layer records", "big", big, "layer-records"), streamed, inspect},
			rows:     []row{{0, 2, 0, margin}, {1, 2, 0, margin}},
		},
		{
			work: "1,000,000 entries, in a daemon, again", engine: true, rounds: b.slow,
			commands: []command{
				of("many", "many", many, "layer-records"),
				{name: "docker save", args: []string{"docker", "save", tag + "many"}, env: e.env()},
			},
			rows: []row{{0, 1, 1.0 / 200, 0}},
		},
	}
}

// serve is a registry with one image, that of an OCI layout, and the digest of its manifest.
func serve(layout string) (*httptest.Server, string, error) {
	raw, err := os.ReadFile(filepath.Join(layout, "index.json"))
	if err != nil {
		return nil, "", err
	}
	var index struct{ Manifests []struct{ Digest string } }
	if err := json.Unmarshal(raw, &index); err != nil {
		return nil, "", err
	}
	if len(index.Manifests) != 1 {
		return nil, "", fmt.Errorf("%s has %d images", layout, len(index.Manifests))
	}
	manifest := index.Manifests[0].Digest
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
		switch name {
		case "":
			return // "/v2/": it is a registry
		case "latest":
			name = manifest
		}
		if name == manifest {
			w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
		}
		http.ServeFile(w, r, filepath.Join(layout, "blobs/sha256", filepath.Base(strings.TrimPrefix(name, "sha256:"))))
	})), manifest, nil
}
