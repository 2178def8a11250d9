package host

// An answer's error: what the host said of the question, which goes into the
// answer, or that the stream broke, which ends everything.
type failure struct{ said, fatal error }

// whole reads a record that may be followed by a message, as body and dir of
// the prelude write them.
func (f *frames) whole(limit int, op, path string) (data []byte, cut bool, t failure) {
	data, cut, status, err := f.record(limit)
	if err != nil {
		return nil, false, failure{fatal: err}
	}
	if status == "0" {
		return data, cut, t
	}
	t.said, t.fatal = f.message(op, path)
	return nil, false, t
}

// message reads the record that explains a failed one.
func (f *frames) message(op, path string) (said, fatal error) {
	text, _, _, err := f.record(window)
	if err != nil {
		return nil, err
	}
	return saying(op, path, string(text)), nil
}

// pairs reads a record of names and values, NUL after each, but for those without
// a value.
func (f *frames) pairs() (map[string]string, error) {
	data, _, _, err := f.record(MaxLines)
	if err != nil {
		return nil, err
	}
	parts, pairs := zeroed(data, 2*MaxNames+1), map[string]string{}
	for i := 0; i+1 < len(parts) && len(pairs) < MaxNames; i += 2 {
		if parts[i+1] != "" {
			pairs[parts[i]] = parts[i+1]
		}
	}
	return pairs, nil
}
