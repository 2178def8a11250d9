package apps

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"

	"github.com/docker-userns/docker-userns/internal/host"
)

const (
	runbookExpr = `.docker == "healthy" and .redis == "healthy" and .container_system.warm_pool_size > 0`
	healthy     = `{"docker": "healthy", "redis": "healthy", "container_system": {"warm_pool_size": 3}}`
)

// answering serves each path with a handler of its own.
func answering(t *testing.T, elsewhere string) *httptest.Server {
	mux := http.NewServeMux()
	say := func(path string, status int, body string) {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		})
	}
	say("/healthy", 200, healthy)
	say("/lies", 200, strings.Replace(healthy, `"healthy"`, `"degraded"`, 1))
	say("/empty-pool", 200, strings.Replace(healthy, "3", "0", 1))
	say("/500", 500, "out of\n\tcontainers")
	say("/204", 204, "")
	say("/html", 200, "<html>healthy</html>")
	say("/nothing", 200, "")
	say("/two", 200, healthy+healthy)
	say("/large", 200, strings.Repeat(" ", 10<<20)+healthy)
	say("/deep", 200, strings.Repeat("[", 1<<19))
	mux.HandleFunc("/hangs", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("/drips", func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			fmt.Fprint(w, " ")
			_ = http.NewResponseController(w).Flush()
			time.Sleep(5 * time.Millisecond)
		}
	})
	mux.HandleFunc("/cut", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		fmt.Fprint(w, "{")
	})
	mux.Handle("/moved", http.RedirectHandler("/healthy", http.StatusFound))
	mux.Handle("/elsewhere", http.RedirectHandler(elsewhere, http.StatusFound))
	mux.Handle("/around", http.RedirectHandler("/around", http.StatusFound))
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func TestHealth(t *testing.T) {
	s := answering(t, answering(t, "").URL+"/healthy")
	closed := httptest.NewServer(nil)
	closed.Close()
	const slow = Duration(200 * time.Millisecond)
	for _, tc := range []struct {
		url, expr, want string
		timeout         Duration
	}{
		{url: s.URL + "/healthy", expr: runbookExpr},
		{url: s.URL + "/moved", expr: runbookExpr},
		{url: s.URL + "/204"},
		{url: s.URL + "/html"},
		{url: s.URL + "/lies", expr: runbookExpr, want: `is false; the answer was {"docker": "degraded"`},
		{url: s.URL + "/empty-pool", expr: runbookExpr, want: "is false"},
		{url: s.URL + "/500", expr: runbookExpr, want: "it answered 500 Internal Server Error: out of containers"},
		{url: s.URL + "/404", want: "it answered 404 Not Found"},
		{url: s.URL + "/html", expr: ".docker", want: "the answer is not JSON"},
		{url: s.URL + "/nothing", expr: ".docker", want: "the answer is not JSON (unexpected end of JSON input): nothing"},
		{url: s.URL + "/two", expr: runbookExpr, want: "the answer is not JSON"},
		{url: s.URL + "/large", expr: runbookExpr, want: "the answer is longer than 1 MiB"},
		{url: s.URL + "/deep", expr: ".", want: "exceeded max depth"},
		{url: s.URL + "/cut", expr: ".", want: "reading the answer: unexpected EOF"},
		{url: s.URL + "/hangs", timeout: slow, want: "no complete answer within 200ms"},
		{url: s.URL + "/drips", timeout: slow, want: "no complete answer within 200ms"},
		{url: s.URL + "/elsewhere", expr: runbookExpr, want: "which is another server"},
		{url: s.URL + "/around", want: "it redirects more than 5 times"},
		{url: closed.URL, want: "connection refused"},
		{url: strings.Replace(s.URL, "http:", "https:", 1), want: "server gave HTTP response"},
	} {
		c, err := NewHealth(tc.url, tc.expr)
		assert.NilError(t, err)
		c.Timeout = tc.timeout
		err = c.Check(t.Context(), host.None{})
		if tc.want == "" {
			assert.Check(t, err, tc.url)
			continue
		}
		assert.Check(t, is.ErrorContains(err, tc.want), tc.url)
	}
}

func TestHealthOverAUnixSocket(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("paths there have no leading slash")
	}
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	assert.NilError(t, err)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]string{"path": r.URL.Path, "query": r.URL.RawQuery})
	})}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { server.Close() })
	c, err := NewHealth("unix://"+path+":/health?full=1", `.path == "/health" and .query == "full=1"`)
	assert.NilError(t, err)
	assert.NilError(t, c.Check(t.Context(), host.Local()))
}

// remoteHost is another machine, which counts what is dialed there.
type remoteHost struct {
	host.None
	dialed []string
}

func (*remoteHost) Kind() string { return host.KindSSH }

func (r *remoteHost) DialHost(_ context.Context, network, addr string) (net.Conn, error) {
	r.dialed = append(r.dialed, network+" "+addr)
	return nil, fmt.Errorf("not now")
}

// What is local there is asked there, and nothing else is.
func TestHealthIsAskedWhereItIsMeant(t *testing.T) {
	var there remoteHost
	for _, url := range []string{"http://localhost:81/h", "http://127.0.0.1:82", "http://[::1]:83", "unix:///run/a.sock", "https://app.localhost/"} {
		c, err := NewHealth(url, "")
		assert.NilError(t, err)
		assert.ErrorContains(t, c.Check(t.Context(), &there), "not now")
	}
	want := []string{"tcp localhost:81", "tcp 127.0.0.1:82", "tcp [::1]:83", "unix /run/a.sock", "tcp app.localhost:443"}
	assert.DeepEqual(t, there.dialed, want)
	c, err := NewHealth("http://192.0.2.1/", "")
	assert.NilError(t, err)
	c.Timeout = Duration(50 * time.Millisecond)
	assert.Assert(t, c.Check(t.Context(), &there) != nil)
	assert.DeepEqual(t, there.dialed, want)
}

func TestURLsThatAreNone(t *testing.T) {
	for _, url := range []string{"", "localhost:8080/health", "ftp://a/", "http://", "http:///x", "unix://run/a.sock", "unix:///a:health", "http://a b/", "http://a:b/", "://"} {
		_, err := ParseURL(url)
		assert.Check(t, err != nil, url)
	}
	u, err := ParseURL("http://me:secret@a/")
	assert.NilError(t, err)
	assert.Assert(t, !strings.Contains(u.String(), "secret"))
	for _, url := range []string{"ftp://me:secret@a/", "me:secret@a", "http://me:secret%zz@a/", "http://me:x/secret@a/", "http://me:secret\n@a", "http://me:secret@a b/"} {
		_, err := ParseURL(url)
		assert.Check(t, err != nil && !strings.Contains(err.Error(), "secret"), "%q: %v", url, err)
	}
	_, err = ParseURL("http://a\x1b[31m/")
	assert.ErrorContains(t, err, `\x1b[31m`)
}

func TestExpr(t *testing.T) {
	t.Setenv("SECRET", "x")
	var value any
	assert.NilError(t, json.Unmarshal([]byte(healthy), &value))
	for expr, want := range map[string]string{
		"":          "",
		runbookExpr: "",
		"true":      "",
		"[.docker, .redis] | all(. == \"healthy\")": "",
		"false":                        "false is false",
		".docker":                      `gives "healthy", not true or false`,
		".missing":                     "gives null",
		"1":                            "gives 1",
		"empty":                        "gives no value",
		"true, true":                   "gives more than one value",
		"true, error(\"late\")":        "late",
		".docker + 1":                  "cannot add",
		".docker.x":                    "expected an object",
		"error(\"x\")":                 "x",
		"halt":                         "halt",
		"env.SECRET == \"x\"":          "is false",
		"$ENV.SECRET == \"x\"":         "is false",
		"last(range(1; infinite)) > 0": "took longer than 2s",
		"def f: f; f":                  "took longer than 2s",
	} {
		e, err := ParseExpr(expr)
		assert.NilError(t, err)
		err = e.Holds(t.Context(), value)
		if want == "" {
			assert.Check(t, err, expr)
			continue
		}
		assert.Check(t, is.ErrorContains(err, want), expr)
	}
	for _, expr := range []string{".docker ==", "nosuch(1)", "input", "$x", `import "a" as a; true`, `include "a"; true`, "{", "\x00"} {
		if e, err := ParseExpr(expr); err == nil {
			assert.Check(t, e.Holds(t.Context(), value) != nil, expr)
		}
	}
}
