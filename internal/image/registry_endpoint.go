package image

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/docker/docker/api/types/registry"
	"github.com/google/go-containerregistry/pkg/name"
)

// An endpoint is a host that has the repositories of a registry: itself, or a mirror.
type endpoint struct {
	name.Registry
	transport *guarded
}

// endpoints are those that were found so far, by host, and the path of a mirror.
type endpoints map[string]endpoint

func (all endpoints) close() {
	for _, e := range all {
		e.transport.CloseIdleConnections()
	}
}

// reach calls try with the endpoint at a host, which a path can follow. If that fails as it does
// with a host that speaks plain http, or whose certificate nobody has signed, and the engine is
// told that this host may, or has its authority, then it is tried in this way.
func (r Registry) reach(ctx context.Context, all endpoints, at string, insecure bool, try func(endpoint) error) error {
	if e, ok := all[at]; ok {
		return try(e)
	}
	host, _, _ := strings.Cut(at, "/")
	e, err := r.endpoint(at, insecure || isLoopback(hostname(host)), nil)
	if err != nil {
		return err
	}
	err = try(e)
	if distrusted(err) && !e.transport.insecure {
		insecure, authorities := insecureIn(ctx, r.config(ctx), host), r.lent(ctx, err, host)
		if !insecure && authorities == nil {
			return advise(err, host)
		}
		e.transport.CloseIdleConnections()
		if e, err = r.endpoint(at, insecure, authorities); err != nil {
			return err
		}
		err = try(e)
	}
	all[at] = e
	return err
}

// lent are the authorities that the engine's host has for a registry whose certificate is of
// one that is unknown here.
func (r Registry) lent(ctx context.Context, err error, host string) []byte {
	var unknown x509.UnknownAuthorityError
	if r.Authorities == nil || !errors.As(err, &unknown) {
		return nil
	}
	return r.Authorities(ctx, host)
}

func (r Registry) endpoint(at string, insecure bool, authorities []byte) (endpoint, error) {
	host, prefix, _ := strings.Cut(at, "/")
	var options []name.Option
	if insecure {
		options = append(options, name.Insecure)
	}
	reg, err := name.NewRegistry(host, options...)
	if err != nil {
		return endpoint{}, err
	}
	folders := r.CertFolders
	if folders == nil {
		folders = certFolders()
	}
	certs, err := trust(folders, host)
	if err != nil {
		return endpoint{}, err
	}
	certs.InsecureSkipVerify = insecure // as dockerd does
	if authorities != nil {
		if err := addAuthorities(certs, authorities); err != nil {
			return endpoint{}, fmt.Errorf("the certificates for %s of the engine's host: %w", host, err)
		}
	}
	t := newTransport(r.Limits, certs)
	t.host, t.insecure, t.lent = reg.RegistryStr(), insecure, authorities != nil
	if prefix != "" {
		t.prefix = "/" + strings.TrimRight(prefix, "/")
	}
	if r.dial != nil {
		t.DialContext = r.dial
	}
	return endpoint{Registry: reg, transport: t}, nil
}

// config is what the engine is told of registries.
func (r Registry) config(ctx context.Context) registry.ServiceConfig {
	if r.Engine == nil {
		return registry.ServiceConfig{}
	}
	return r.Engine(ctx)
}

// distrusted reports whether an error can be that of a host that the engine has to be told of.
func distrusted(err error) bool {
	var certificate *tls.CertificateVerificationError
	var header tls.RecordHeaderError
	return errors.As(err, &certificate) || errors.As(err, &header) || speaksHTTP(err) || refused(err)
}

func speaksHTTP(err error) bool {
	return err != nil && strings.Contains(err.Error(), "server gave HTTP response to HTTPS client") // net/http has no other sign
}

// refused: plain http has another port.
func refused(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial" && !op.Timeout()
}

// advise says what to do about a host that is not trusted.
func advise(err error, host string) error {
	var certificate *tls.CertificateVerificationError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case speaksHTTP(err):
		return fmt.Errorf("%w: if that is right, add %q to the insecure-registries of the engine", err, host)
	case errors.As(err, &certificate) && !errors.As(err, &name) && !errors.As(err, &invalid):
		return fmt.Errorf("%w: put the certificate of its authority into /etc/docker/certs.d/%s/ca.crt", err, host)
	}
	return err
}

// insecureIn reports whether an engine takes a host for insecure: by its name or by one of its
// addresses (registry/config.go of moby).
func insecureIn(ctx context.Context, c registry.ServiceConfig, host string) bool {
	if index := c.IndexConfigs[host]; index != nil {
		return !index.Secure
	}
	if len(c.InsecureRegistryCIDRs) == 0 {
		return false
	}
	addresses, err := net.DefaultResolver.LookupIPAddr(ctx, hostname(host))
	if err != nil {
		return false
	}
	for _, a := range addresses {
		for _, cidr := range c.InsecureRegistryCIDRs {
			if cidr != nil && (*net.IPNet)(cidr).Contains(a.IP) {
				return true
			}
		}
	}
	return false
}

func hostname(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		return h
	}
	return strings.Trim(host, "[]")
}

// maxMirrors is how many mirrors are tried.
const maxMirrors = 8

// mirrors are the hosts that an engine asks for images of Docker Hub before the Hub itself.
func mirrors(c registry.ServiceConfig) (all []*url.URL) {
	for _, m := range c.Mirrors {
		u, err := url.Parse(m)
		if err != nil || u.Host == "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https" {
			continue
		}
		if all = append(all, u); len(all) == maxMirrors {
			break
		}
	}
	return all
}

// open connects to the place of an image and reads what its name leads to. Images of Docker
// Hub are in its mirrors first.
func (r Registry) open(ctx context.Context, all endpoints, ref registryName, read func(*remote) error) error {
	var failed []error
	if ref.host == name.DefaultRegistry {
		for _, m := range mirrors(r.config(ctx)) {
			err := r.try(ctx, all, m.Host+strings.TrimRight(m.Path, "/"), m.Scheme == "http", ref, read)
			if err == nil || ctx.Err() != nil {
				return err
			}
			failed = append(failed, fmt.Errorf("its mirror %s: %w", m.Host+strings.TrimRight(m.Path, "/"), err))
		}
	}
	err := r.try(ctx, all, ref.host, false, ref, read)
	if err != nil && len(failed) > 0 {
		err = fmt.Errorf("%w; %w", err, errors.Join(failed...))
	}
	return err
}

func (r Registry) try(ctx context.Context, all endpoints, at string, insecure bool, ref registryName, read func(*remote) error) error {
	return r.reach(ctx, all, at, insecure, func(e endpoint) error {
		auth, err := r.authenticator(e)
		if err != nil {
			return err
		}
		c, err := connect(ctx, e.Repo(ref.path), auth, e.transport)
		if err == nil {
			err = read(c)
		}
		return r.withheld(err, e)
	})
}
