package image

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"gotest.tools/v3/assert"
)

// hub is a registry on this machine that a test can make misbehave.
type hub struct {
	*httptest.Server
	mu    sync.Mutex
	asked []string
	fault func(w http.ResponseWriter, r *http.Request, next http.Handler) // nil: none
}

func newHub(t testing.TB) *hub {
	t.Helper()
	h := &hub{}
	next := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		h.asked = append(h.asked, r.Method+" "+r.URL.Path)
		h.mu.Unlock()
		if h.fault != nil {
			h.fault(w, r, next)
			return
		}
		next.ServeHTTP(w, r)
	}))
	t.Cleanup(h.Close)
	return h
}

func (h *hub) host() string { return strings.TrimPrefix(h.URL, "http://") }

func (h *hub) name(ref string) string { return h.host() + "/" + ref }

// times counts the requests whose path ends so.
func (h *hub) times(suffix string) (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, a := range h.asked {
		if strings.HasPrefix(a, "GET ") && strings.HasSuffix(a, suffix) {
			n++
		}
	}
	return n
}

func (h *hub) send(t testing.TB, method, path, mediaType, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, h.URL+"/v2/app/"+path, strings.NewReader(body))
	assert.NilError(t, err)
	req.Header.Set("Content-Type", mediaType)
	resp, err := http.DefaultClient.Do(req)
	assert.NilError(t, err)
	defer resp.Body.Close()
	said, _ := io.ReadAll(resp.Body)
	assert.Assert(t, resp.StatusCode < 300, "%s %s: %s %s", method, path, resp.Status, said)
}

// push stores images under a tag: one manifest, or an index of them.
func (h *hub) push(t testing.TB, tag string, pack func(string) string, pictures ...picture) {
	t.Helper()
	var all []ocispec.Descriptor
	for _, p := range pictures {
		all = append(all, h.pushOne(t, tag, pack, p))
	}
	if len(all) > 1 {
		h.pushIndex(t, tag, all...)
	}
}

func (h *hub) pushOne(t testing.TB, tag string, pack func(string) string, p picture) ocispec.Descriptor {
	t.Helper()
	d, files := manifestOf(pack, p)
	for _, f := range files[:len(files)-1] {
		h.send(t, "POST", "blobs/uploads/?digest="+addressed(f.name).String(), "application/octet-stream", f.body)
	}
	manifest := files[len(files)-1].body
	h.send(t, "PUT", "manifests/"+tag, d.MediaType, manifest)
	h.send(t, "PUT", "manifests/"+d.Digest.String(), d.MediaType, manifest)
	return d
}

func (h *hub) pushIndex(t testing.TB, tag string, all ...ocispec.Descriptor) ocispec.Descriptor {
	t.Helper()
	index := toJSON(ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex, Manifests: all})
	d := describe(ocispec.MediaTypeImageIndex, index)
	h.send(t, "PUT", "manifests/"+tag, d.MediaType, index)
	h.send(t, "PUT", "manifests/"+d.Digest.String(), d.MediaType, index)
	return d
}
