package image

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/distribution/reference"
	"github.com/docker/cli/cli/config/types"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	ggcr "github.com/google/go-containerregistry/pkg/v1/remote"
)

// Credentials gives what a registry wants to see, out of docker's
// configuration and its credential helpers: a configfile.ConfigFile of
// docker/cli.
type Credentials interface {
	GetAuthConfig(registry string) (types.AuthConfig, error)
}

// Registry is the source of images in registries. They are read as they come,
// and nothing is pulled into a daemon.
type Registry struct {
	Names       []string    // as docker pull takes them
	Platform    string      // one platform, "all", or "" for linux on this machine's architecture
	Credentials Credentials // nil: nobody
	Limits      Limits
}

// Limits are how long a registry may keep us waiting; zero is 30 seconds.
type Limits struct {
	Dial, TLS time.Duration // to connect, and to agree on keys
	Headers   time.Duration // for an answer to begin
	Stall     time.Duration // for its next byte
}

// Images visits the wanted images, one after the other, two layers at a time,
// and each blob once. What is wrong with an image, or with its registry, is its
// Err. What a registry has no time for is asked again when it says so.
func (r Registry) Images(ctx context.Context, v Visitor) ([]Image, error) {
	var all []Image
	seen := newVisits()
	transport := newTransport(r.Limits)
	defer transport.CloseIdleConnections()
	for _, ref := range r.Names {
		images, err := r.one(ctx, v, ref, seen, transport)
		if err != nil {
			images = []Image{{Source: sourceRegistry, Err: err}}
		}
		for _, img := range images {
			img.Name = ref
			all = append(all, img)
		}
		if err := ctx.Err(); err != nil {
			return all, err
		}
	}
	return all, nil
}

const sourceRegistry = "registry"

func (r Registry) one(ctx context.Context, v Visitor, name string, seen *visits, t *guarded) ([]Image, error) {
	ref, err := parseReference(name)
	if err != nil {
		return nil, err
	}
	auth, err := r.authenticator(ref)
	if err != nil {
		return nil, err
	}
	c, err := connect(ctx, ref, auth, t)
	if err != nil {
		return nil, err
	}
	s := &registryStore{ctx: ctx, remote: c, visits: seen, blobs: map[string]registryBlob{}}
	o := Options{Platform: r.Platform}
	if err := s.open(ref, name, o); err != nil {
		return nil, err
	}
	return reading{where: name, kind: sourceRegistry, o: o}.images(ctx, v, s)
}

// Push gives the tag that a name stands for, and how its registry is asked, to write to it.
// The registry gets longer to answer, since it stores what it was sent.
func (r Registry) Push(ref string) (name.Tag, []ggcr.Option, error) {
	parsed, err := parseReference(ref)
	if err != nil {
		return name.Tag{}, nil, err
	}
	tag, ok := parsed.(name.Tag)
	if !ok {
		return name.Tag{}, nil, fmt.Errorf("%q has a digest: give a name with a tag", ref)
	}
	auth, err := r.authenticator(parsed)
	if err != nil {
		return name.Tag{}, nil, err
	}
	limits := r.Limits
	limits.Headers = cmp.Or(limits.Headers, 5*time.Minute)
	return tag, []ggcr.Option{ggcr.WithAuth(auth), ggcr.WithTransport(newTransport(limits))}, nil
}

func parseReference(ref string) (name.Reference, error) {
	ref = strings.TrimPrefix(ref, "docker://")
	if _, err := reference.ParseNormalizedNamed(ref); err != nil {
		return nil, fmt.Errorf("%q is not the name of an image in a registry: %w", ref, err)
	}
	parsed, err := name.ParseReference(ref)
	if err != nil {
		return nil, fmt.Errorf("%q is not the name of an image in a registry: %w", ref, err)
	}
	return parsed, nil
}

// authenticator looks a registry up as docker login has stored it: by its host,
// and Docker Hub by an address of old.
func (r Registry) authenticator(ref name.Reference) (authn.Authenticator, error) {
	if r.Credentials == nil {
		return authn.Anonymous, nil
	}
	host := ref.Context().RegistryStr()
	if host == name.DefaultRegistry {
		host = authn.DefaultAuthKey
	}
	c, err := r.Credentials.GetAuthConfig(host)
	if err != nil {
		return nil, fmt.Errorf("asking docker's configuration for the credentials of %s: %w", host, err)
	}
	if c.ServerAddress = ""; c == (types.AuthConfig{}) {
		return authn.Anonymous, nil
	}
	return authn.FromConfig(authn.AuthConfig{
		Username: c.Username, Password: c.Password, Auth: c.Auth, IdentityToken: c.IdentityToken, RegistryToken: c.RegistryToken,
	}), nil
}

var errStalled = errors.New("the registry stopped answering")
