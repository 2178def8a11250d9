package image

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/distribution/reference"
	"github.com/docker/cli/cli/config/types"
	"github.com/docker/docker/api/types/registry"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	ggcr "github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/opencontainers/go-digest"
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
	// Engine gives what an engine is told of registries: which are insecure, and which are
	// mirrors of Docker Hub. Nil is for no engine.
	Engine func(context.Context) registry.ServiceConfig
	// EngineElsewhere says that the engine is on another machine: no credentials are sent to
	// a host that nobody but this engine calls insecure.
	EngineElsewhere bool
	// Authorities gives the certificates of the authorities that the engine's host has for a
	// registry, as PEM, nil if there are none. A registry that nothing else vouches for gets no
	// credentials. Nil is for an engine on this machine.
	Authorities func(ctx context.Context, host string) []byte
	// CertFolders have certificates, by host. Nil is for those that docker has.
	CertFolders []string

	dial func(ctx context.Context, network, address string) (net.Conn, error) // for tests
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
	known := endpoints{}
	defer known.close()
	for _, ref := range r.Names {
		images, err := r.one(ctx, v, ref, seen, known)
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

func (r Registry) one(ctx context.Context, v Visitor, name string, seen *visits, known endpoints) ([]Image, error) {
	ref, err := parseReference(name)
	if err != nil {
		return nil, err
	}
	var s *registryStore
	o := Options{Platform: r.Platform}
	err = r.open(ctx, known, ref, func(c *remote) error {
		s = &registryStore{ctx: ctx, remote: c, visits: seen, blobs: map[string]registryBlob{}}
		return s.open(ref, name, o)
	})
	if err != nil {
		return nil, err
	}
	return reading{where: name, kind: sourceRegistry, o: o}.images(ctx, v, s)
}

// Push gives the tag that a name stands for, and how its registry is asked, to write to it.
// The registry gets longer to answer, since it stores what it was sent.
func (r Registry) Push(ctx context.Context, ref string) (tag name.Tag, options []ggcr.Option, err error) {
	parsed, err := parseReference(ref)
	if err != nil {
		return name.Tag{}, nil, err
	}
	if parsed.digest != "" {
		return name.Tag{}, nil, fmt.Errorf("%q has a digest: give a name with a tag", ref)
	}
	r.Limits.Headers = cmp.Or(r.Limits.Headers, 5*time.Minute)
	err = r.reach(ctx, endpoints{}, parsed.host, false, func(e endpoint) error {
		tag = e.Repo(parsed.path).Tag(parsed.tag)
		auth, err := r.authenticator(e)
		if err != nil {
			return err
		}
		options = []ggcr.Option{ggcr.WithAuth(auth), ggcr.WithTransport(e.transport)}
		_, err = transport.Ping(ctx, e.Registry, e.transport)
		return err
	})
	if err != nil {
		return name.Tag{}, nil, fmt.Errorf("connecting to %s: %w", parsed.host, err)
	}
	return tag, options, nil
}

// A registryName is where a registry has an image.
type registryName struct {
	host, path string
	tag        string
	digest     digest.Digest // "" for none; otherwise the tag does not matter
}

// identifier is how the registry is asked for it.
func (n registryName) identifier() string { return cmp.Or(n.digest.String(), n.tag) }

// parseReference reads a name as docker pull does.
func parseReference(ref string) (registryName, error) {
	ref = strings.TrimPrefix(ref, "docker://")
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return registryName{}, fmt.Errorf("%q is not the name of an image in a registry: %w", ref, err)
	}
	n := registryName{host: reference.Domain(named), path: reference.Path(named), tag: "latest"}
	if n.host == "docker.io" {
		n.host = name.DefaultRegistry
	}
	if tagged, ok := named.(reference.Tagged); ok {
		n.tag = tagged.Tag()
	}
	if digested, ok := named.(reference.Digested); ok {
		n.digest = digested.Digest()
	}
	return n, nil
}

// authenticator looks a registry up as docker login has stored it: by its host,
// and Docker Hub by an address of old.
func (r Registry) authenticator(e endpoint) (authn.Authenticator, error) {
	host := e.RegistryStr()
	if r.Credentials == nil || r.withholds(e) {
		return authn.Anonymous, nil
	}
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

// withholds reports whether credentials are not sent to a host: see EngineElsewhere.
func (r Registry) withholds(e endpoint) bool {
	return (e.transport.lent || r.EngineElsewhere && e.transport.insecure) && !isLoopback(hostname(e.RegistryStr()))
}

// withheld says so in an error of a host that wants some.
func (r Registry) withheld(err error, e endpoint) error {
	var refusal *transport.Error
	if r.withholds(e) && errors.As(err, &refusal) && (refusal.StatusCode == http.StatusUnauthorized || refusal.StatusCode == http.StatusForbidden) {
		return fmt.Errorf("%s gets no credentials, since nothing but an engine on another machine vouches for it: put the certificate of its authority into /etc/docker/certs.d/%s/ca.crt: %w", e.RegistryStr(), e.RegistryStr(), err)
	}
	return err
}

var errStalled = errors.New("the registry stopped answering")
