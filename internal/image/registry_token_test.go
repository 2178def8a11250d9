package image

import (
	"net/http"
	"strings"
	"testing"

	"github.com/docker/cli/cli/config/types"
	"gotest.tools/v3/assert"
)

// tokenLogin is a login that has left a token instead of a password.
type tokenLogin struct{ token string }

func (l tokenLogin) GetAuthConfig(host string) (types.AuthConfig, error) {
	return types.AuthConfig{IdentityToken: l.token, ServerAddress: host}, nil
}

// An identity token is exchanged for one that the registry takes (distribution's oauth2.md).
func TestIdentityToken(t *testing.T) {
	h := newHub(t)
	h.push(t, "1", gzipOf, one)
	h.fault = func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		switch {
		case r.URL.Path == "/token":
			if r.Method != http.MethodPost || r.FormValue("grant_type") != "refresh_token" || r.FormValue("refresh_token") != "mine" ||
				r.FormValue("scope") != "repository:app:pull" || r.FormValue("service") != "here" {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			_, _ = w.Write([]byte(`{"access_token":"passed"}`))
		case r.Header.Get("Authorization") != "Bearer passed":
			w.Header().Set("WWW-Authenticate", `Bearer realm="`+h.URL+`/token",service="here"`)
			w.WriteHeader(http.StatusUnauthorized)
		default:
			next.ServeHTTP(w, r)
		}
	}
	for token, want := range map[string]string{"mine": "", "expired": "`docker login " + h.host() + "`"} {
		v := newRecorder()
		images, err := Registry{Names: []string{h.name("app:1")}, Credentials: tokenLogin{token}}.Images(t.Context(), v)
		assert.NilError(t, err)
		if want == "" {
			v.expect(t, images, one)
			continue
		}
		assert.ErrorContains(t, images[0].Err, want)
		assert.Assert(t, !strings.Contains(images[0].Err.Error(), token), "%v", images[0].Err)
	}
}
