package dockerfile

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// number70 is what tests renumber: each use of it, by its new number.
const number70 = 70000

// renumbered writes 10001 for 70000, and 10002 for 70001, where they are IDs.
func renumbered(t testing.TB, dockerfile string, args map[string]string) string {
	t.Helper()
	f, err := Parse(strings.NewReader(dockerfile))
	assert.NilError(t, err)
	edits := map[*Instruction][]Edit{}
	for _, u := range f.Analyze(f.Stages[len(f.Stages)-1], "", args).Uses {
		if u.ID != number70 && u.ID != number70+1 {
			continue
		}
		if e, ok := u.Renumber(u.ID - number70 + 10001); ok {
			edits[u.Def] = append(edits[u.Def], e)
		}
	}
	lines := strings.Split(dockerfile, "\n")
	for in, all := range edits {
		lines[in.Start-1] = in.Apply(all)
		for i := in.Start; i < in.End; i++ {
			lines[i] = "gone"
		}
	}
	return strings.ReplaceAll(strings.Join(lines, "\n"), "\ngone", "")
}

// Which numbers are IDs, wherever they are written, and which are not.
func TestNumbers(t *testing.T) {
	tests := []struct{ name, from, to string }{
		{"useradd", "RUN useradd -m -u 70000 -g 70001 x", "RUN useradd -m -u 10001 -g 10002 x"},
		{"bundled", "RUN useradd -mu 70000 x && usermod -u70001 x", "RUN useradd -mu 10001 x && usermod -u10002 x"},
		{"long", "RUN useradd --uid=70000 --gid 70001 x", "RUN useradd --uid=10001 --gid 10002 x"},
		{"busybox", "RUN addgroup -g 70001 g && adduser -D -u 70000 -G g x", "RUN addgroup -g 10002 g && adduser -D -u 10001 -G g x"},
		{"chown", "RUN chown -R 70000:70001 /70000 /srv/70001", "RUN chown -R 10001:10002 /70000 /srv/70001"},
		{"chown from", "RUN chown --from=70000 0:0 /x", "RUN chown --from=10001 0:0 /x"},
		{"quoted", `RUN chown "70000":'70001' /x`, `RUN chown "10001":'10002' /x`},
		{"not an ID", `RUN echo "port 70000" >f && sleep 70000 && mkdir -m 700 /70000`, `RUN echo "port 70000" >f && sleep 70000 && mkdir -m 700 /70000`},
		{"in a script", `RUN bash -euxc "set -e; chown 70000 '/x y'"`, `RUN bash -euxc "set -e; chown 10001 '/x y'"`},
		{"exec form", `RUN ["sh", "-c", "chown \"70000\" /x"]`, `RUN ["sh", "-c", "chown \"10001\" /x"]`},
		{"exec form without a shell", `RUN ["chown", "70000:70001", "/70000"]`, `RUN ["chown", "10001:10002", "/70000"]`},
		{"wrapped", "RUN sudo -u '#70000' env A=b nice -n 5 timeout 70000 chown 70001 /x", "RUN sudo -u '#10001' env A=b nice -n 5 timeout 70000 chown 10002 /x"},
		{"su-exec", "RUN su-exec 70000:70001 id && gosu 70000 chown 70001 /x", "RUN su-exec 10001:10002 id && gosu 10001 chown 10002 /x"},
		{"busybox applet", "RUN busybox chown 70000 /x", "RUN busybox chown 10001 /x"},
		{"find", `RUN find / -user 70000 -exec chown 70001 {} +`, `RUN find / -user 10001 -exec chown 10002 {} +`},
		{"xargs", `RUN ls | xargs -n 1 chown 70000`, `RUN ls | xargs -n 1 chown 10001`},
		{"install", `RUN install -d -o 70000 -g 70001 /x`, `RUN install -d -o 10001 -g 10002 /x`},
		{"substitution", `RUN x=$(chown 70000 /x) && (chown 70001 /y)`, `RUN x=$(chown 10001 /x) && (chown 10002 /y)`},
		{"if and for", `RUN if true; then for d in 70000 70001; do chown $d /x; done; fi`, `RUN if true; then for d in 10001 10002; do chown $d /x; done; fi`},
		{"variable", `RUN U=70000; chown "${U}:$U" /x`, `RUN U=10001; chown "${U}:$U" /x`},
		{"default", `RUN chown ${U:-70000} /x`, `RUN chown ${U:-10001} /x`},
		{"ARG", "ARG U=70000\nRUN chown $U /x", "ARG U=10001\nRUN chown $U /x"},
		{"ARG quoted", "ARG U=\"70000:70001\"\nRUN chown $U /x", "ARG U=\"10001:10002\"\nRUN chown $U /x"},
		{"ENV", "ENV A=1 U=70000 PORT=70000\nUSER ${U}:70001", "ENV A=1 U=10001 PORT=70000\nUSER ${U}:10002"},
		{"old ENV", "ENV U 70000\nUSER $U", "ENV U 10001\nUSER $U"},
		{"ENV of ARG", "ARG U=70000\nENV V=$U\nUSER $V", "ARG U=10001\nENV V=$U\nUSER $V"},
		{"by its name", "ENV APP_UID=70000 PGID=70001 WIDTH=70000", "ENV APP_UID=10001 PGID=10002 WIDTH=70000"},
		{"USER", "USER 70000:70001", "USER 10001:10002"},
		{"COPY", "COPY --chown=70000:70001 70000 /70001", "COPY --chown=10001:10002 70000 /70001"},
		{"CMD", `CMD ["su-exec", "70000", "sh"]`, `CMD ["su-exec", "10001", "sh"]`},
		{"passwd", `RUN echo "x:x:70000:70001::/:/bin/sh" >>/etc/passwd`, `RUN echo "x:x:10001:10002::/:/bin/sh" >>/etc/passwd`},
		{"printf to group", `RUN printf 'a:x:70000:\nb:x:70001:x\n' >>/etc/group`, `RUN printf 'a:x:10001:\nb:x:10002:x\n' >>/etc/group`},
		{"not to group", `RUN printf 'a:x:70000:\n' >>/etc/other`, `RUN printf 'a:x:70000:\n' >>/etc/other`},
		{"tee", `RUN echo x:x:70000:70001::/:/bin/sh | tee -a /etc/passwd`, `RUN echo x:x:10001:10002::/:/bin/sh | tee -a /etc/passwd`},
		{"sed of passwd", `RUN sed -i 's/1000:1000/70000:70001/' /etc/passwd`, `RUN sed -i 's/1000:1000/10001:10002/' /etc/passwd`},
		{"acl", "RUN setfacl -m u:70000:rwx,g:70001:r /x", "RUN setfacl -m u:10001:rwx,g:10002:r /x"},
		{"lines and comments", "RUN a && \\\n  # chown 70000\n  chown 70\\\n000 /x && \\\n\n  chown 70001 /y", "RUN a && \\\n  # chown 70000\n  chown 70\\\n000 /x && \\\n\n  chown 10002 /y"},
		{"another escape", "# escape=`\nFROM a\nRUN chown `\n 70000 /x", "# escape=`\nFROM a\nRUN chown `\n 10001 /x"},
		{"here-document", "RUN <<E\nchown 70000 /x\nE", "RUN <<E\nchown 10001 /x\nE"},
		{"here-document of a command", "RUN cat <<E >>/etc/passwd\nx:x:70000:70001::/:/bin/sh\nE", "RUN cat <<E >>/etc/passwd\nx:x:10001:10002::/:/bin/sh\nE"},
		{"not a shell's", "RUN chown 70000 ((( /x", "RUN chown 70000 ((( /x"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			if !strings.Contains(tc.from, "FROM ") {
				tc.from, tc.to = "FROM a\n"+tc.from, "FROM a\n"+tc.to
			}
			assert.Equal(t, renumbered(t, tc.from, nil), tc.to)
		})
	}
}

// A number that was given from outside is not in the file; its name is known.
func TestGivenNumbers(t *testing.T) {
	f, err := Parse(strings.NewReader("FROM a\nARG U=1000\nRUN useradd -u $U x"))
	assert.NilError(t, err)
	uses := f.Analyze(f.Stages[0], "", map[string]string{"U": "70000"}).Uses
	assert.Equal(t, len(uses), 1)
	assert.Equal(t, uses[0].Arg, "U")
	assert.Equal(t, uses[0].ID, int64(70000))
}

// A command is added behind the last one, whatever form the RUN has.
func TestAppend(t *testing.T) {
	tests := []struct{ name, from, to string }{
		{"plain", "RUN a", "RUN a && b \"c\""},
		{"semicolon", "RUN a; c ;", "RUN a; c && b \"c\""},
		{"comment", "RUN a # c", "RUN a && b \"c\" # c"},
		{"lines", "RUN a && \\\n    # why\n    c", "RUN a && \\\n    # why\n    c \\\n && b \"c\""},
		{"exec form", `RUN ["sh", "-c", "a;"]`, `RUN ["sh", "-c", "a && b \"c\""]`},
		{"exec form that ends in a quote", `RUN ["sh", "-c", "a \"x\""]`, `RUN ["sh", "-c", "a \"x\" && b \"c\""]`},
		{"no shell", `RUN --network=none ["a", "b c"]`, `RUN --network=none a 'b c' && b "c"`},
		{"script", `RUN bash -c "a"`, `RUN bash -c "a" && b "c"`},
		{"here-document", "RUN <<E\na\nE", "RUN <<E\na\nb \"c\"\nE"},
		{"flags", "RUN --mount=type=tmpfs,target=/t a", "RUN --mount=type=tmpfs,target=/t a && b \"c\""},
		{"not understood", "RUN a (((", "RUN a ((("},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			f, err := Parse(strings.NewReader("FROM a\n" + tc.from + "\n"))
			assert.NilError(t, err)
			in := f.Stages[0].Instructions[0]
			e, ok := in.Append(f.Analyze(f.Stages[0], "", nil).Runs[in], `b "c"`)
			var edits []Edit
			if ok {
				edits = append(edits, e)
			}
			assert.Equal(t, in.Apply(edits), tc.to)
		})
	}
}

// FuzzAnalyze: whatever a Dockerfile has in it, numbers stand where they are said
// to, and changing them changes nothing else.
func FuzzAnalyze(f *testing.F) {
	for _, s := range []string{
		"FROM a\nRUN useradd -u 70000 x", "ARG A=1\nFROM a AS b\nARG A\nENV B=\"$A\"\nUSER ${B:-7}:8", "FROM a\nRUN [\"sh\",\"-c\",\"chown \\u0037 x\"]",
		"# escape=`\nFROM a\nRUN a `\n# c\n b", "FROM a\nRUN <<E\nchown 7 x\nE\nCOPY --chown=1:2 <<X /y\nz\nX", "FROM a\nRUN sh -c \"bash -c 'tar xf x'\" #x", "\xef\xbb\xbfFROM a\r\nUSER 7\r\n",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		file, err := Parse(strings.NewReader(s))
		if err != nil || len(file.Stages) == 0 {
			return
		}
		a := file.Analyze(file.Stages[len(file.Stages)-1], "", map[string]string{"A": "3"})
		for _, u := range a.Uses {
			if u.Def == nil {
				continue
			}
			e, ok := u.Renumber(u.ID)
			assert.Assert(t, ok)
			written, err := strconv.ParseInt(u.Def.Raw[e.From:e.To], 10, 64)
			assert.NilError(t, err, fmt.Sprintf("%q", u.Def.Raw))
			_ = written
		}
		for in, run := range a.Runs {
			if e, ok := in.Append(run, "true"); ok {
				assert.Assert(t, len(in.Apply([]Edit{e})) > 4)
			}
		}
	})
}
