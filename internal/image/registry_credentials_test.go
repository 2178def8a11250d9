package image

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/registry"
	"github.com/google/go-containerregistry/pkg/name"
	ggcr "github.com/google/go-containerregistry/pkg/v1/remote"
	"gotest.tools/v3/assert"
)

// What an engine on another machine says of a registry does not open up the credentials
// that this machine has for it.
func TestCredentialsAreWithheld(t *testing.T) {
	cert, key := newAuthority(t).sign(t, "other.example")
	h := newHub(t)
	h.push(t, "1", gzipOf, one)
	var got []string
	h.fault = func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		user, password, _ := r.BasicAuth()
		if got = append(got, password); user == "" {
			w.Header().Set("WWW-Authenticate", `Basic realm="here"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	}
	for _, server := range []*httptest.Server{h.Server, overTLS(t, h, cert, key, nil)} {
		for _, elsewhere := range []bool{false, true} {
			v := newRecorder()
			got = nil
			r := Registry{
				Names: []string{far + "/app:1"}, CertFolders: []string{}, dial: dialTo(server), Limits: quick,
				Credentials: login{far, "secret"}, EngineElsewhere: elsewhere,
				Engine: func(context.Context) registry.ServiceConfig {
					return registry.ServiceConfig{IndexConfigs: map[string]*registry.IndexInfo{far: {}}}
				},
			}
			images, err := r.Images(t.Context(), v)
			assert.NilError(t, err)
			assert.Equal(t, slices.Contains(got, "secret"), !elsewhere)
			if !elsewhere {
				v.expect(t, images, one)
				continue
			}
			assert.ErrorContains(t, images[0].Err, "gets no credentials")
			_, options, err := r.Push(t.Context(), far+"/app:1")
			assert.NilError(t, err)
			_, _ = ggcr.Head(mustRef(t, far+"/app:1"), options...)
			assert.Assert(t, !slices.Contains(got, "secret"))
		}
	}
}

func mustRef(t *testing.T, ref string) name.Reference {
	t.Helper()
	parsed, err := name.ParseReference(ref, name.Insecure)
	assert.NilError(t, err)
	return parsed
}

// A registry that is elsewhere cannot have servers of this machine asked.
func TestRedirectsToThisMachine(t *testing.T) {
	ours := newAuthority(t)
	cert, key := ours.sign(t, "registry.example")
	h := newHub(t)
	h.push(t, "1", gzipOf, one)
	asked := 0
	local := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	defer local.Close()
	h.fault = func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if strings.Contains(r.URL.Path, "/blobs/") {
			http.Redirect(w, r, local.URL+"/shutdown", http.StatusTemporaryRedirect)
			return
		}
		next.ServeHTTP(w, r)
	}
	server := overTLS(t, h, cert, key, nil)
	r := Registry{Names: []string{far + "/app:1"}, CertFolders: folderOf(t, map[string][]byte{"ca.crt": ours.pem()}), Limits: quick}
	r.dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		if address == far {
			address = server.Listener.Addr().String()
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	images, err := r.Images(t.Context(), newRecorder())
	assert.NilError(t, err)
	assert.ErrorContains(t, images[0].Err, "speaks plain http")
	assert.Equal(t, asked, 0)
}

// What only the engine's host trusts is read, and gets no credentials.
func TestAuthoritiesOfTheEnginesHost(t *testing.T) {
	ours, theirs := newAuthority(t), newAuthority(t)
	cert, key := ours.sign(t, "registry.example")
	h := newHub(t)
	h.push(t, "1", gzipOf, one)
	var got []string
	h.fault = func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		_, password, _ := r.BasicAuth()
		got = append(got, password)
		next.ServeHTTP(w, r)
	}
	read := func(authorities []byte) ([]Image, *recorder) {
		v := newRecorder()
		images, err := Registry{
			Names: []string{far + "/app:1"}, CertFolders: []string{}, dial: dialTo(overTLS(t, h, cert, key, nil)), Limits: quick,
			Credentials: login{far, "secret"}, EngineElsewhere: true,
			Authorities: func(_ context.Context, host string) []byte {
				assert.Equal(t, host, far)
				return authorities
			},
		}.Images(t.Context(), v)
		assert.NilError(t, err)
		return images, v
	}
	images, v := read(ours.pem())
	v.expect(t, images, one)
	assert.Assert(t, len(got) > 0 && !slices.Contains(got, "secret"), got)
	for want, authorities := range map[string][]byte{"ca.crt": nil, "unknown authority": theirs.pem(), "put it there as PEM": []byte("x")} {
		images, _ = read(authorities)
		assert.ErrorContains(t, images[0].Err, want)
	}
}
