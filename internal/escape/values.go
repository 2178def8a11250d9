package escape

import "reflect"

// Values copies v for a template, which prints what it likes: with Line applied to every
// string in it, and without the fields that its JSON leaves out.
func Values[T any](v T) T {
	return values(reflect.ValueOf(v)).Interface().(T)
}

func values(v reflect.Value) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	out.Set(v)
	switch v.Kind() {
	case reflect.String:
		out.SetString(Line(v.String()))
	case reflect.Struct:
		for i := range v.NumField() {
			switch field := v.Type().Field(i); {
			case !field.IsExported():
			case field.Tag.Get("json") == "-":
				out.Field(i).SetZero()
			default:
				out.Field(i).Set(values(v.Field(i)))
			}
		}
	case reflect.Slice:
		if !v.IsNil() {
			out = reflect.MakeSlice(v.Type(), v.Len(), v.Len())
			for i := range v.Len() {
				out.Index(i).Set(values(v.Index(i)))
			}
		}
	}
	return out
}
