package image

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// certFolders are where docker keeps certificates for registries on this machine: those
// of an engine, of a rootless one, and of Docker Desktop.
func certFolders() (all []string) {
	if runtime.GOOS == "windows" {
		all = append(all, filepath.Join(os.Getenv("ProgramData"), "docker", "certs.d"))
	} else {
		all = append(all, "/etc/docker/certs.d")
	}
	if dir, err := os.UserConfigDir(); err == nil && runtime.GOOS == "linux" {
		all = append(all, filepath.Join(dir, "docker", "certs.d"))
	}
	if dir, err := os.UserHomeDir(); err == nil {
		all = append(all, filepath.Join(dir, ".docker", "certs.d"))
	}
	return all
}

// trust gives the certificates for a registry, by its host and port: every *.crt is an
// authority besides those of the system, and NAME.cert and NAME.key are shown to it.
func trust(folders []string, host string) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if runtime.GOOS == "windows" {
		host = strings.ReplaceAll(host, ":", "")
	}
	for _, folder := range folders {
		if err := addCerts(c, filepath.Join(folder, host)); err != nil {
			return nil, fmt.Errorf("reading the certificates for %s: %w", host, err)
		}
	}
	return c, nil
}

// addCerts adds what one folder has, if it is there, by the rules of dockerd
// (registry/registry.go of moby).
func addCerts(c *tls.Config, folder string) error {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return readable(err)
	}
	for _, e := range entries {
		path := filepath.Join(folder, e.Name())
		switch end := filepath.Ext(path); end {
		case ".crt":
			pem, err := os.ReadFile(path)
			if err != nil {
				return readable(err)
			}
			if err := addAuthorities(c, pem); err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
		case ".cert":
			pair, err := tls.LoadX509KeyPair(path, strings.TrimSuffix(path, end)+".key")
			if err != nil {
				return fmt.Errorf("the client certificate %s: %w", path, readable(err))
			}
			c.Certificates = append(c.Certificates, pair)
		}
	}
	return nil
}

// addAuthorities adds authorities to those of the system.
func addAuthorities(c *tls.Config, pem []byte) (err error) {
	if c.RootCAs == nil {
		if c.RootCAs, err = x509.SystemCertPool(); err != nil {
			return fmt.Errorf("those of the system: %w", err)
		}
	}
	if !c.RootCAs.AppendCertsFromPEM(pem) {
		return errors.New("there is no certificate in it: put it there as PEM, or remove the file")
	}
	return nil
}

// readable says what to do about a file that is for root alone.
func readable(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w: run the command with sudo, or let your user read the file", err)
	}
	return err
}
