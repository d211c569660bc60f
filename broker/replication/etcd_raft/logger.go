package main

/*
#include "shim.h"
*/
import "C"

import (
	"fmt"
	"unsafe"
)

const (
	levelDebug = iota
	levelInfo
	levelWarning
	levelError
)

// logger hands raft's lines to C++; those below `level` are never put together.
type logger struct {
	calls C.er_callbacks
	level int
}

func (l *logger) line(level int, text string) {
	if level < l.level {
		return
	}
	bytes := C.CString(text)
	C.er_call_log(&l.calls, C.int(level), bytes, C.size_t(len(text)))
	C.free(unsafe.Pointer(bytes))
}

func (l *logger) words(level int, v []interface{}) {
	if level >= l.level {
		l.line(level, fmt.Sprint(v...))
	}
}

func (l *logger) format(level int, format string, v []interface{}) {
	if level >= l.level {
		l.line(level, fmt.Sprintf(format, v...))
	}
}

func (l *logger) Debug(v ...interface{})                   { l.words(levelDebug, v) }
func (l *logger) Debugf(format string, v ...interface{})   { l.format(levelDebug, format, v) }
func (l *logger) Info(v ...interface{})                    { l.words(levelInfo, v) }
func (l *logger) Infof(format string, v ...interface{})    { l.format(levelInfo, format, v) }
func (l *logger) Warning(v ...interface{})                 { l.words(levelWarning, v) }
func (l *logger) Warningf(format string, v ...interface{}) { l.format(levelWarning, format, v) }
func (l *logger) Error(v ...interface{})                   { l.words(levelError, v) }
func (l *logger) Errorf(format string, v ...interface{})   { l.format(levelError, format, v) }
func (l *logger) Fatal(v ...interface{})                   { l.Panic(v...) }
func (l *logger) Fatalf(format string, v ...interface{})   { l.Panicf(format, v...) }

func (l *logger) Panic(v ...interface{}) {
	text := fmt.Sprint(v...)
	l.line(levelError, text)
	panic(text)
}

func (l *logger) Panicf(format string, v ...interface{}) {
	text := fmt.Sprintf(format, v...)
	l.line(levelError, text)
	panic(text)
}
