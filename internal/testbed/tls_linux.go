package testbed

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// ServeTLS has docker.service listen on tcp port 2376 as well, with TLS and for
// clients with a certificate alone, and makes the docker context "tls" for it.
// It restarts the daemon.
func (h *Host) ServeTLS(tb testing.TB) {
	tb.Helper()
	ca := newAuthority(tb)
	dir := filepath.Join(h.dir, "tls")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		tb.Fatal(err)
	}
	for name, content := range ca.issue(tb, "client", x509.ExtKeyUsageClientAuth, "") {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	for name, content := range ca.issue(tb, h.Name, x509.ExtKeyUsageServerAuth, h.Address) {
		h.WriteFile(tb, "/etc/docker/tls/"+name, content, 0o600)
	}
	// Debian's unit takes further options from here.
	h.WriteFile(tb, "/etc/default/docker", []byte(`DOCKER_OPTS="-H tcp://0.0.0.0:2376 --tlsverify `+
		`--tlscacert /etc/docker/tls/ca.pem --tlscert /etc/docker/tls/cert.pem --tlskey /etc/docker/tls/key.pem"`+"\n"), 0o644)
	h.Run(tb, "systemctl", "restart", "docker.service")
	h.setContext(tb, "tls", strings.Join([]string{"host=tcp://" + h.Address + ":2376",
		"ca=" + dir + "/ca.pem", "cert=" + dir + "/cert.pem", "key=" + dir + "/key.pem"}, ","))
}

// CertPath is the directory for DOCKER_CERT_PATH, after ServeTLS.
func (h *Host) CertPath() string { return filepath.Join(h.dir, "tls") }

type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(tb testing.TB) authority {
	tb.Helper()
	template := certificate("testbed")
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	key := newKey(tb)
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		tb.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	return authority{cert, key}
}

// issue makes the three files that dockerd and the docker CLI name alike.
func (a authority) issue(tb testing.TB, name string, use x509.ExtKeyUsage, address string) map[string][]byte {
	tb.Helper()
	template := certificate(name)
	template.KeyUsage, template.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{use}
	if ip := net.ParseIP(address); ip != nil {
		template.IPAddresses = []net.IP{ip}
	}
	key := newKey(tb)
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		tb.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		tb.Fatal(err)
	}
	return map[string][]byte{
		"ca.pem":   pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}),
		"cert.pem": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		"key.pem":  pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: secret}),
	}
}

func certificate(name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
	}
}

func newKey(tb testing.TB) *ecdsa.PrivateKey {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}
