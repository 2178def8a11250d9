package image

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	bignum "math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/registry"
	"gotest.tools/v3/assert"
)

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	assert.NilError(t, err)
	template := &x509.Certificate{
		SerialNumber: bignum.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	assert.NilError(t, err)
	cert, err := x509.ParseCertificate(der)
	assert.NilError(t, err)
	return authority{cert, key}
}

// sign gives a certificate for a host, and its key, both as PEM.
func (a authority) sign(t *testing.T, host string) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	assert.NilError(t, err)
	template := &x509.Certificate{
		SerialNumber: bignum.NewInt(2), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host}, NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, private.Public(), a.key)
	assert.NilError(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	assert.NilError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
}

func (a authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

// far is a name that is not of this machine, so that nothing is allowed to it by itself.
const far = "registry.example:5000"

// dialTo connects to a server whatever the name is.
func dialTo(server *httptest.Server) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
	}
}

// overTLS serves a registry once more, with a certificate.
func overTLS(t *testing.T, h *hub, cert, key []byte, clients *x509.CertPool) *httptest.Server {
	t.Helper()
	pair, err := tls.X509KeyPair(cert, key)
	assert.NilError(t, err)
	server := httptest.NewUnstartedServer(h.Config.Handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	if clients != nil {
		server.TLS.ClientCAs, server.TLS.ClientAuth = clients, tls.RequireAndVerifyClientCert
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

// folderOf is a certs.d with files for far.
func folderOf(t *testing.T, files map[string][]byte) []string {
	t.Helper()
	dir := t.TempDir()
	assert.NilError(t, os.Mkdir(filepath.Join(dir, far), 0o700))
	for name, body := range files {
		assert.NilError(t, os.WriteFile(filepath.Join(dir, far, name), body, 0o600))
	}
	return []string{filepath.Join(dir, "none"), dir}
}

func TestRegistryCertificates(t *testing.T) {
	ours, theirs := newAuthority(t), newAuthority(t)
	cert, key := ours.sign(t, "registry.example")
	mine, secret := theirs.sign(t, "client")
	other, otherKey := ours.sign(t, "client")
	h := newHub(t)
	h.push(t, "1", gzipOf, one)
	clients := x509.NewCertPool()
	clients.AddCert(theirs.cert)
	open, closed := overTLS(t, h, cert, key, nil), overTLS(t, h, cert, key, clients)
	for name, c := range map[string]struct {
		server *httptest.Server
		files  map[string][]byte
		want   string
	}{
		"none":               {open, nil, "put the certificate of its authority into /etc/docker/certs.d/" + far + "/ca.crt"},
		"authority":          {open, map[string][]byte{"any.crt": ours.pem()}, ""},
		"other authority":    {open, map[string][]byte{"ca.crt": theirs.pem()}, "unknown authority"},
		"no PEM":             {open, map[string][]byte{"ca.crt": ours.cert.Raw}, "there is no certificate in"},
		"without client":     {closed, map[string][]byte{"ca.crt": ours.pem()}, "certificate required"},
		"client":             {closed, map[string][]byte{"ca.crt": ours.pem(), "c.cert": mine, "c.key": secret}, ""},
		"client of others":   {closed, map[string][]byte{"ca.crt": ours.pem(), "c.cert": other, "c.key": otherKey}, "tls:"},
		"client without key": {closed, map[string][]byte{"ca.crt": ours.pem(), "c.cert": mine}, "c.key: no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			v := newRecorder()
			r := Registry{Names: []string{far + "/app:1"}, CertFolders: folderOf(t, c.files), dial: dialTo(c.server), Limits: quick}
			images, err := r.Images(t.Context(), v)
			assert.NilError(t, err)
			if c.want == "" {
				v.expect(t, images, one)
				return
			}
			assert.ErrorContains(t, images[0].Err, c.want)
		})
	}
}

// A registry that an engine takes for insecure may speak plain http, or show any
// certificate; another may not.
func TestInsecureRegistry(t *testing.T) {
	cert, key := newAuthority(t).sign(t, "other.example")
	h := newHub(t)
	h.push(t, "1", gzipOf, one)
	signed := overTLS(t, h, cert, key, nil)
	parse := func(s string) (c registry.ServiceConfig) {
		assert.NilError(t, json.Unmarshal([]byte(s), &c)) // as docker info has it
		return c
	}
	for _, server := range []*httptest.Server{h.Server, signed} {
		for config, ok := range map[string]bool{
			`{"IndexConfigs":{"` + far + `":{"Secure":false}}}`:                                                        true,
			`{"IndexConfigs":{"` + far + `":{"Secure":true}},"InsecureRegistryCIDRs":["0.0.0.0/0"]}`:                   false,
			`{"IndexConfigs":{"` + far + `":null,"registry.example":{"Secure":false}},"InsecureRegistryCIDRs":[null]}`: false,
			`{}`: false,
		} {
			v := newRecorder()
			r := Registry{Names: []string{far + "/app:1", far + "/app:1"}, CertFolders: []string{}, dial: dialTo(server), Limits: quick}
			r.Engine = func(context.Context) registry.ServiceConfig { return parse(config) }
			images, err := r.Images(t.Context(), v)
			assert.NilError(t, err)
			if ok {
				v.expect(t, images, one, one)
				continue
			}
			assert.Assert(t, images[0].Err != nil && images[1].Err != nil, "%s", config)
			if server == h.Server {
				assert.ErrorContains(t, images[0].Err, `add "`+far+`" to the insecure-registries of the engine`)
			}
			_, _, err = r.Push(t.Context(), far+"/app:1")
			assert.ErrorContains(t, err, "connecting to "+far)
		}
	}
	// What has an address in a range of the engine's is insecure, whatever its name.
	here := parse(`{"InsecureRegistryCIDRs":["127.0.0.0/8"]}`)
	assert.Assert(t, insecureIn(t.Context(), here, "127.0.0.1:5000"))
	assert.Assert(t, insecureIn(t.Context(), here, "localhost"))
	assert.Assert(t, !insecureIn(t.Context(), here, "10.1.2.3:5000"))
}

// A registry on this machine is insecure by itself, as for docker.
func TestRegistryHere(t *testing.T) {
	cert, key := newAuthority(t).sign(t, "other.example")
	h, v := newHub(t), newRecorder()
	h.push(t, "1", gzipOf, one)
	server := overTLS(t, h, cert, key, nil)
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	images, err := Registry{Names: []string{"localhost:" + port + "/app:1", "127.0.0.1:" + port + "/app:1"}}.Images(t.Context(), v)
	assert.NilError(t, err)
	v.expect(t, images, one, one)
}

// Images of Docker Hub are read from a mirror of the engine's, and from the Hub if
// no mirror has them.
func TestMirrors(t *testing.T) {
	mirror, empty, v := newHub(t), newHub(t), newRecorder()
	mirror.push(t, "1", gzipOf, one)
	moved := func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		r.URL.Path = strings.Replace(r.URL.Path, "/v2/library/a/", "/v2/app/", 1)
		next.ServeHTTP(w, r)
	}
	mirror.fault = moved
	var asked []string
	r := Registry{
		Names: []string{"a:1", "library/a:2"}, Limits: quick, Credentials: login{"https://index.docker.io/v1/", "secret"},
		Engine: func(context.Context) registry.ServiceConfig {
			return registry.ServiceConfig{Mirrors: []string{"ftp://no", "http://me:secret@no", empty.URL + "/", mirror.URL}}
		},
		dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			asked = append(asked, address)
			if strings.HasPrefix(address, "index.docker.io") {
				return nil, &net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}
			}
			return new(net.Dialer).DialContext(ctx, network, address)
		},
	}
	images, err := r.Images(t.Context(), v)
	assert.NilError(t, err)
	assert.NilError(t, images[0].Err)
	v.expect(t, images[:1], one)
	assert.Equal(t, images[0].Name, "a:1")
	assert.ErrorContains(t, images[1].Err, "i/o timeout")
	assert.ErrorContains(t, images[1].Err, "its mirror "+mirror.host()+": ")
	assert.ErrorContains(t, images[1].Err, "no such name, tag or digest")
	assert.Equal(t, strings.Count(strings.Join(asked, " "), "index.docker.io:443"), 1)
}

// A mirror can have a path, which stands before that of the API (engines from 25.0 on), and its
// redirects lead where they say.
func TestMirrorWithAPath(t *testing.T) {
	mirror := newHub(t)
	mirror.push(t, "1", gzipOf, one)
	mirror.fault = func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		path, below := strings.CutPrefix(r.URL.Path, "/hub/of/ours")
		if moved, ok := strings.CutPrefix(r.URL.Path, "/v2/stored/"); ok {
			path, below = "/v2/app/blobs/"+moved, true
		} else if digest, ok := strings.CutPrefix(path, "/v2/library/a/blobs/"); ok && below {
			http.Redirect(w, r, "/v2/stored/"+digest, http.StatusTemporaryRedirect)
			return
		}
		if !below {
			http.NotFound(w, r)
			return
		}
		r.URL.Path = strings.Replace(path, "/v2/library/a/", "/v2/app/", 1)
		next.ServeHTTP(w, r)
	}
	r := Registry{Names: []string{"a:1"}, Limits: quick, Engine: func(context.Context) registry.ServiceConfig {
		return registry.ServiceConfig{Mirrors: []string{mirror.URL + "/hub/of/ours/"}}
	}}
	v := newRecorder()
	images, err := r.Images(t.Context(), v)
	assert.NilError(t, err)
	v.expect(t, images, one)
}

func TestRegistryNamesAsDockerReadsThem(t *testing.T) {
	const d = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	for ref, want := range map[string]registryName{
		"a":                           {"index.docker.io", "library/a", "latest", ""},
		"docker.io/me/a:2":            {"index.docker.io", "me/a", "2", ""},
		"index.docker.io/a":           {"index.docker.io", "library/a", "latest", ""},
		"localhost/a":                 {"localhost", "a", "latest", ""},
		"localhost:5000/a":            {"localhost:5000", "a", "latest", ""},
		"docker://[::1]:5000/a/b":     {"[::1]:5000", "a/b", "latest", ""},
		"reg.example/a:1@" + d:        {"reg.example", "a", "1", d},
		"registry.example/x/y/z@" + d: {"registry.example", "x/y/z", "latest", d},
	} {
		got, err := parseReference(ref)
		assert.NilError(t, err, ref)
		assert.Equal(t, got, want, ref)
	}
}

// A repository can have a name of one letter.
func TestRepositoryOfOneLetter(t *testing.T) {
	h, v := newHub(t), newRecorder()
	h.push(t, "1", gzipOf, one)
	h.fault = func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		r.URL.Path = strings.Replace(r.URL.Path, "/v2/a/", "/v2/app/", 1)
		next.ServeHTTP(w, r)
	}
	images, err := Registry{Names: []string{h.name("a:1")}}.Images(t.Context(), v)
	assert.NilError(t, err)
	v.expect(t, images, one)
	tag, _, err := Registry{}.Push(t.Context(), h.name("a:1"))
	assert.NilError(t, err)
	assert.Equal(t, tag.Name(), h.name("a:1"))
}
