"""Compiles the Kafka Streams program with the machine's ``javac`` and says how to start it."""

from __future__ import annotations

import functools
import os
import subprocess
import tempfile
from pathlib import Path

from benchmarks.errors import BenchmarkError
from benchmarks.peers import lock
from headwater.cli.terminal import load_settings
from headwater.local_kafka.jars import KafkaJarsError
from headwater.local_kafka.java import find_java

SOURCE = Path(__file__).parent / "KafkaStreamsCounts.java"
_JVM = ("-Xms1g", "-Xmx1g", "-XX:+UseParallelGC", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error")


@functools.cache
def start_command() -> list[str]:
    """Java, its options, class path and main class; compiled once a process, into a folder that goes with it.

    Raises :class:`BenchmarkError` when there is no compiler or no jars.
    """
    java = find_java()
    compiler = java.path.with_name("javac")
    if not compiler.exists():
        compiler = java.path.resolve().with_name("javac")
    if not compiler.exists():
        raise BenchmarkError(f"no javac beside {java.path}: set JAVA_HOME to a JDK of version 17 or newer")
    try:
        jars = lock.class_path(load_settings().cache_dir, print)
    except KafkaJarsError as error:
        raise BenchmarkError(str(error)) from error
    classes = _classes_folder()
    done = subprocess.run(
        [compiler, "-cp", jars, "-d", classes.name, str(SOURCE)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        raise BenchmarkError(f"{SOURCE.name} does not compile:\n{done.stdout}")
    return [str(java.path), *_JVM, "-cp", os.pathsep.join((classes.name, jars)), SOURCE.stem]


@functools.cache
def _classes_folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="headwater-bench-classes-")
