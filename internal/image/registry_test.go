package image

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/docker/cli/cli/config/types"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"gotest.tools/v3/assert"
)

// quick are limits for a test: what hangs does so for long.
var quick = Limits{Headers: 300 * time.Millisecond, Stall: 300 * time.Millisecond}

var (
	one = picture{tag: "app", user: "7", layers: []string{layer("shared:1:2"), layer("a:3:4")}}
	two = picture{tag: "app", layers: []string{layer("shared:1:2"), layer("b:5:6")}}
	arm = picture{tag: "app", platform: "linux/arm64", layers: []string{layer("shared:1:2"), layer("arm:7:8")}}
	odd = picture{tag: "app", platform: "linux/s390x", layers: []string{layer("odd:9:9")}}
)

func TestRegistry(t *testing.T) {
	for name, pack := range map[string]func(string) string{"plain": plain, "gzip": gzipOf, "zstd": zstdOf} {
		t.Run(name, func(t *testing.T) {
			h, v := newHub(t), newRecorder()
			h.push(t, "1", pack, one)
			h.push(t, "2", pack, two)
			images, err := Registry{Names: []string{h.name("app:1"), h.name("app:2"), h.name("app:1")}}.Images(t.Context(), v)
			assert.NilError(t, err)
			v.expect(t, images, one, two, one)
			assert.Equal(t, images[0].Name, h.name("app:1"))
			assert.Equal(t, images[0].Source, "registry")
			assert.Equal(t, images[0].Layers[0].Digest, "sha256:"+hex(pack(one.layers[0])))
			assert.Equal(t, h.times(hex(pack(one.layers[0]))), 1, "a shared layer is fetched once")
			assert.Equal(t, v.calls, 3)
		})
	}
}

func TestRegistryPlatforms(t *testing.T) {
	h := newHub(t)
	h.push(t, "1", gzipOf, one, arm, odd)
	manifest, _ := manifestOf(gzipOf, odd)
	read := func(platform, tag string) (*recorder, []Image) {
		v := newRecorder()
		images, err := Registry{Names: []string{h.name("app:" + tag)}, Platform: platform}.Images(t.Context(), v)
		assert.NilError(t, err)
		return v, images
	}
	v, images := read("linux/arm64", "1")
	v.expect(t, images, arm)
	assert.Equal(t, h.times(manifest.Digest.String()), 0, "what is not wanted is not asked for")
	v, images = read("all", "1")
	v.expect(t, images, one, arm, odd)
	_, images = read("linux/riscv64", "1")
	assert.ErrorContains(t, images[0].Err, `no image for linux/riscv64, only for "linux/amd64", "linux/arm64", "linux/s390x"`)

	amd, _ := manifestOf(gzipOf, one)
	attestation := describe(ocispec.MediaTypeImageManifest, "{}")
	h.send(t, "PUT", "manifests/"+attestation.Digest.String(), attestation.MediaType, "{}")
	attestation.Platform = &ocispec.Platform{OS: "unknown", Architecture: "unknown"}
	inner := h.pushIndex(t, "inner", amd)
	h.pushIndex(t, "nested", inner, attestation)
	v, images = read("linux/amd64", "nested")
	v.expect(t, images, one)
	v, images = read("linux/amd64", "inner@"+inner.Digest.String())
	v.expect(t, images, one)
}

// login is a docker configuration with one login.
type login struct{ host, password string }

func (l login) GetAuthConfig(host string) (types.AuthConfig, error) {
	if host != l.host {
		return types.AuthConfig{ServerAddress: host}, nil
	}
	return types.AuthConfig{Username: "me", Password: l.password, ServerAddress: host}, nil
}

func TestRegistryCredentials(t *testing.T) {
	h := newHub(t)
	h.push(t, "1", gzipOf, one)
	h.fault = func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if user, password, _ := r.BasicAuth(); user != "me" || password != "secret" {
			w.Header().Set("WWW-Authenticate", `Basic realm="here"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	}
	for password, want := range map[string]string{"secret": "", "wrong": "`docker login " + h.host() + "`"} {
		v := newRecorder()
		images, err := Registry{Names: []string{h.name("app:1")}, Credentials: login{h.host(), password}}.Images(t.Context(), v)
		assert.NilError(t, err)
		if want == "" {
			v.expect(t, images, one)
			continue
		}
		assert.ErrorContains(t, images[0].Err, want)
		assert.Assert(t, !strings.Contains(images[0].Err.Error(), password), "%v", images[0].Err)
	}
}

func TestRegistryFaults(t *testing.T) {
	blob := hex(gzipOf(one.layers[1]))
	answer := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	write := func(length, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			if length != "" {
				w.Header().Set("Content-Length", length)
			}
			_, _ = io.WriteString(w, body)
		}
	}
	hang := func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	begin := func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, gzipOf(one.layers[1])[:20])
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}
	redirect := func(to string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusTemporaryRedirect) }
	}
	good := gzipOf(one.layers[1])
	for name, c := range map[string]struct {
		path string
		do   http.HandlerFunc
		want string
	}{
		"manifest 401":      {"manifests/1", answer(401), "HTTP 401): access is denied, or there is no such repository: check the name, or log in with `docker login 127.0.0.1:"},
		"manifest 403":      {"manifests/1", answer(403), "`docker login"},
		"manifest 404":      {"manifests/1", answer(404), "there is no such name, tag or digest"},
		"manifest 429":      {"manifests/1", answer(429), "rate limit is reached"},
		"manifest 500":      {"manifests/1", answer(500), "the registry reports a server error"},
		"manifest not JSON": {"manifests/1", write("", "<html>"), "it is not JSON"},
		"manifest of all":   {"manifests/1", write("", `{"manifests":[],"layers":[],"config":{}}`), "an index and a manifest at once"},
		"manifest of none":  {"manifests/1", write("", `{}`), "neither an index nor a manifest"},
		"manifest of old":   {"manifests/1", write("", `{"schemaVersion":1,"fsLayers":[]}`), "docker's schema 1"},
		"manifest too long": {"manifests/1", write("", `{"x":"`+strings.Repeat("x", maxDocument)+`"}`), "larger than"},
		"manifest hangs":    {"manifests/1", hang, "timeout awaiting response headers"},
		"config other":      {hex(one.config()), write("", "{}"), "digest mismatch"},
		"config 404":        {hex(one.config()), answer(404), "there is no such name, tag or digest"},
		"blob 404":          {blob, answer(404), "layer 2"},
		"blob 500":          {blob, answer(500), "the registry reports a server error"},
		"blob hangs":        {blob, hang, "timeout awaiting response headers"},
		"blob stalls":       {blob, begin, "the registry stopped answering: no byte in 300ms"},
		"blob cut":          {blob, write("", good[:len(good)-9]), "unexpected EOF"},
		"blob cut, lying":   {blob, write("1000000", good), "unexpected EOF"},
		"blob shorter":      {blob, write("10", good), "unexpected EOF"},
		"blob longer":       {blob, write("", good+strings.Repeat("\x00", 1000)), errLonger.Error()},
		"blob other":        {blob, write("", gzipOf(two.layers[1])), "digest mismatch"},
		"blob redirects":    {blob, redirect("/v2/app/blobs/sha256:" + blob), "redirects more than 5 times"},
		"blob elsewhere":    {blob, redirect("http://registry.example/blob"), "plain http, which is for registries on this machine and for insecure-registries of the engine"},
	} {
		t.Run(name, func(t *testing.T) {
			h, v := newHub(t), newRecorder()
			h.push(t, "1", gzipOf, one)
			h.push(t, "2", gzipOf, two)
			h.fault = func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				if strings.HasSuffix(r.URL.Path, c.path) {
					c.do(w, r)
					return
				}
				next.ServeHTTP(w, r)
			}
			images, err := Registry{Names: []string{h.name("app:1"), h.name("app:2")}, Limits: quick}.Images(t.Context(), v)
			assert.NilError(t, err)
			assert.Equal(t, len(images), 2)
			assert.ErrorContains(t, images[0].Err, c.want)
			assert.ErrorContains(t, images[0].Err, "app:1")
			v.expect(t, images[1:], two)
		})
	}
}

func TestRegistryFollowsRedirects(t *testing.T) {
	h, v := newHub(t), newRecorder()
	h.push(t, "1", gzipOf, one)
	h.fault = func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if strings.Contains(r.URL.Path, "/blobs/") && r.URL.RawQuery == "" {
			http.Redirect(w, r, r.URL.Path+"?again", http.StatusTemporaryRedirect)
			return
		}
		next.ServeHTTP(w, r)
	}
	images, err := Registry{Names: []string{h.name("app:1")}}.Images(t.Context(), v)
	assert.NilError(t, err)
	v.expect(t, images, one)
}

func TestRegistryForeignLayers(t *testing.T) {
	h := newHub(t)
	d, files := manifestOf(gzipOf, one)
	var m ocispec.Manifest
	assert.NilError(t, json.Unmarshal([]byte(files[len(files)-1].body), &m))
	m.Layers[1].URLs = []string{"https://elsewhere.example/layer"}
	h.push(t, "1", gzipOf, one)
	h.send(t, "PUT", "manifests/foreign", d.MediaType, toJSON(m))
	v := newRecorder()
	images, err := Registry{Names: []string{h.name("app:foreign")}}.Images(t.Context(), v)
	assert.NilError(t, err)
	v.expect(t, images, one)
	h.fault = func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if strings.HasSuffix(r.URL.Path, m.Layers[1].Digest.String()) {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		next.ServeHTTP(w, r)
	}
	images, err = Registry{Names: []string{h.name("app:foreign")}}.Images(t.Context(), newRecorder())
	assert.NilError(t, err)
	assert.ErrorContains(t, images[0].Err, `a foreign layer, kept at "https://elsewhere.example/layer"`)
}

func TestRegistryStopsWhenItIsToldTo(t *testing.T) {
	h := newHub(t)
	h.push(t, "1", gzipOf, one)
	ctx, cancel := context.WithCancel(t.Context())
	h.fault = func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if strings.HasSuffix(r.URL.Path, hex(gzipOf(one.layers[1]))) {
			cancel()
			<-r.Context().Done()
			return
		}
		next.ServeHTTP(w, r)
	}
	_, err := Registry{Names: []string{h.name("app:1"), h.name("app:1")}}.Images(ctx, newRecorder())
	assert.Assert(t, errors.Is(err, context.Canceled), "%v", err)
}

func TestRegistryNames(t *testing.T) {
	images, err := Registry{Names: []string{"Not A Name", "127.0.0.1:1/app"}, Limits: quick}.Images(t.Context(), newRecorder())
	assert.NilError(t, err)
	assert.ErrorContains(t, images[0].Err, `"Not A Name" is not the name of an image in a registry: invalid reference format`)
	assert.ErrorContains(t, images[1].Err, "connection refused")
}
