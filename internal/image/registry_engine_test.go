package image

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	dockerimage "github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/registry"
	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/testengine"
)

// TestAsTheEngineIsConfigured reads what an engine pulls, from the same mirror, and takes
// the same registries for insecure.
func TestAsTheEngineIsConfigured(t *testing.T) {
	mirror := newHub(t)
	mirror.push(t, "1", gzipOf, one)
	mirror.fault = func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		r.URL.Path = strings.Replace(r.URL.Path, "/v2/library/a/", "/v2/app/", 1)
		next.ServeHTTP(w, r)
	}
	e := testengine.Start(t, testengine.Options{Config: `{"registry-mirrors":["` + mirror.URL + `"],"insecure-registries":["` + far + `","10.9.0.0/16"]}`})
	c := e.Client(t)
	info, err := c.Info(t.Context())
	assert.NilError(t, err)
	engine := func(context.Context) registry.ServiceConfig { return *info.RegistryConfig }
	for host, want := range map[string]bool{far: true, "registry.example:5001": false, "10.9.8.7:5000": true, "10.8.8.7": false, "127.0.0.1": true} {
		assert.Equal(t, insecureIn(t.Context(), engine(t.Context()), host), want, host)
	}

	pull, err := c.ImagePull(t.Context(), "a:1", dockerimage.PullOptions{Platform: "linux/amd64"})
	assert.NilError(t, err)
	defer pull.Close()
	for d := json.NewDecoder(pull); ; {
		var said struct{ Error string }
		err := d.Decode(&said)
		if errors.Is(err, io.EOF) {
			break
		}
		assert.NilError(t, err)
		assert.Equal(t, said.Error, "")
	}
	pulled, err := c.ImageInspect(t.Context(), "a:1")
	assert.NilError(t, err)
	v := newRecorder()
	images, err := Registry{Names: []string{"a:1"}, Platform: "linux/amd64", Engine: engine}.Images(t.Context(), v)
	assert.NilError(t, err)
	v.expect(t, images, one)
	assert.Equal(t, images[0].ConfigDigest, pulled.ID)
}
