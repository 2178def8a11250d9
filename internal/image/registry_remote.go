package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// remote is a repository of a registry (distribution-spec, "Pull").
type remote struct {
	repository name.Repository
	client     http.Client
}

const maxRedirects = 5

// manifestTypes are asked for, though what comes is recognized by its contents.
const manifestTypes = "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, " +
	"application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"

// connect finds out how a registry wants to be asked.
func connect(ctx context.Context, repository name.Repository, auth authn.Authenticator, t *guarded) (*remote, error) {
	r := &remote{repository: repository}
	scopes := []string{r.repository.Scope(transport.PullScope)}
	authorized, err := transport.NewWithContext(ctx, r.repository.Registry, auth, t, scopes)
	if err != nil {
		return nil, r.explain(err)
	}
	r.client = http.Client{Transport: authorized, CheckRedirect: func(_ *http.Request, via []*http.Request) error {
		if len(via) > maxRedirects {
			return fmt.Errorf("it redirects more than %d times", maxRedirects)
		}
		return nil
	}}
	return r, nil
}

func (r *remote) manifest(ctx context.Context, identifier string) ([]byte, error) {
	body, err := r.do(ctx, http.MethodGet, "manifests/"+identifier)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	b, err := readDocument(body)
	return b, r.explain(err)
}

func (r *remote) blob(ctx context.Context, digest string) (io.ReadCloser, error) {
	return r.do(ctx, http.MethodGet, "blobs/"+digest)
}

func (r *remote) hasBlob(ctx context.Context, digest string) bool {
	body, err := r.do(ctx, http.MethodHead, "blobs/"+digest)
	if err != nil {
		return false
	}
	body.Close()
	return true
}

func (r *remote) do(ctx context.Context, method, what string) (io.ReadCloser, error) {
	// The transport takes the scheme that it has found.
	req, err := http.NewRequestWithContext(ctx, method, fmt.Sprintf("https://%s/v2/%s/%s", r.repository.RegistryStr(), r.repository.RepositoryStr(), what), nil)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(what, "manifests/") {
		req.Header.Set("Accept", manifestTypes)
	}
	resp, err := r.client.Do(req)
	if err == nil {
		if err = transport.CheckError(resp, http.StatusOK); err == nil {
			return resp.Body, nil
		}
		resp.Body.Close()
	}
	return nil, r.explain(err)
}

// explain says what a user can do where a registry refuses.
func (r *remote) explain(err error) error {
	host := r.repository.RegistryStr()
	var refusal *transport.Error
	if !errors.As(err, &refusal) {
		return err
	}
	var advice string
	switch code := refusal.StatusCode; {
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		advice = "access is denied, or there is no such repository: check the name, or log in with `docker login " + host + "`"
	case code == http.StatusNotFound:
		advice = "there is no such name, tag or digest: check it"
	case code == http.StatusTooManyRequests:
		advice = "the registry's rate limit is reached: wait, or raise it with `docker login " + host + "`"
	case code >= 500:
		advice = "the registry reports a server error: try again later"
	default:
		return fmt.Errorf("asking %s: %w", host, err)
	}
	return fmt.Errorf("asking %s (HTTP %d): %s: %w", host, refusal.StatusCode, advice, err)
}
