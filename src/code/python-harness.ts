/**
 * The Python side of the sandbox: run once while the interpreter is warmed up, then frozen into its memory image. What a
 * program does to it lasts until the end of its run. It decides nothing: it runs the program and hands out text.
 */
export const harness = `
import sys, types

def _make():
    import asyncio, asyncio.base_events, asyncio.events, atexit, bisect, cmath, collections, contextlib, copy, dataclasses
    import datetime, decimal, enum, fractions, functools, heapq, io, itertools, json, math, operator, os, random, re
    import statistics, string, time, traceback, typing, array, textwrap, calendar, struct, hashlib, numbers, abc, queue
    import collections.abc, threading, unicodedata, pprint, inspect, warnings, linecache, gc, asyncio.runners, concurrent.futures

    # No stack switching here, hence no waiting on a promise: an ordinary event loop over a selector that only sleeps.
    class Selector:
        def select(self, timeout=None):
            if timeout is None:
                raise RuntimeError("nothing will ever happen: no task is ready, no timer is set")
            if timeout > 0:
                time.sleep(timeout)
            return []
        def close(self): pass

    class Loop(asyncio.base_events.BaseEventLoop):
        def __init__(self):
            super().__init__()
            self._selector = Selector()
        def _process_events(self, events): pass
        def _write_to_self(self): pass

    class Policy(asyncio.events._BaseDefaultEventLoopPolicy):
        _loop_factory = Loop

    # No threads here either. Programs start one for the sake of its larger stack, so a thread runs when it is started.
    def start(self):
        if self._started.is_set():
            raise RuntimeError("threads can only be started once")
        self._started.set()
        try:
            self.run()
        except SystemExit:
            pass
        except BaseException:
            threading.excepthook(threading.ExceptHookArgs([*sys.exc_info(), self]))

    threading.Thread.start = start
    threading.Thread.join = lambda self, timeout=None: None
    threading.Thread.is_alive = lambda self: False
    threading.stack_size = lambda size=0: 0

    def submit(self, fn, /, *args, **kwargs):
        future = concurrent.futures.Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)
        return future

    concurrent.futures.ThreadPoolExecutor.submit = submit

    dumps = json.JSONEncoder(allow_nan=False, check_circular=True, ensure_ascii=True).encode
    loads = json.loads

    def last_line(error):
        try:
            text = "".join(traceback.format_exception_only(error)).strip()
        except BaseException:
            text = type(error).__name__
        try:
            lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == "answer.py"]
            return text + (" (line %d)" % lines[-1] if lines else "")
        except BaseException:
            return text

    def find(space, name):
        head, dot, method = name.partition(".")
        if dot:
            return getattr(space[head](), method)
        if name not in space and "Solution" in space and hasattr(space["Solution"], name):
            return getattr(space["Solution"](), name)
        return space[name]

    def plain(value, depth=0):
        if depth > 190:
            raise ValueError("nested too deep")
        kind = type(value)
        if kind in (bool, int, str, type(None), float):
            return value
        if isinstance(value, (list, tuple, collections.deque)):
            return [plain(item, depth + 1) for item in value]
        if isinstance(value, dict):
            return {key if type(key) is str else dumps(key): plain(item, depth + 1) for key, item in value.items()}
        for base in (str, int, float):
            if isinstance(value, base):
                return base.__call__(value) if base is not str else str.__str__(value)
        raise TypeError("a value of type " + kind.__name__)

    def finish():
        try:
            atexit._run_exitfuncs()
        finally:
            for stream in (sys.stdout, sys.__stdout__, sys.stderr, sys.__stderr__):
                try:
                    stream.flush()
                except (AttributeError, ValueError):
                    pass

    def run(source, call, args):
        """Runs a program; ending, value and detail as JSON."""
        return dumps(grade(source, call, args))

    def grade(source, call, args):
        main = types.ModuleType("__main__")
        main.__builtins__ = sys.modules["builtins"]
        main.__file__ = "answer.py"
        sys.modules["__main__"] = main
        space = main.__dict__
        try:
            code = compile(source, "answer.py", "exec", dont_inherit=True)
        except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError) as error:
            return ("compile-error", None, last_line(error))
        linecache.cache["answer.py"] = (len(source), None, source.splitlines(True), "answer.py")
        value = None
        try:
            exec(code, space)
            if call is not None:
                try:
                    target = find(space, call)
                except (KeyError, AttributeError):
                    return ("runtime-error", None, "the program defines no " + call)
                result = target(*loads(args))
                if asyncio.iscoroutine(result):
                    result = asyncio.run(result)
                try:
                    value = dumps(plain(result))
                except (TypeError, ValueError) as error:
                    return ("done", None, "the result is no JSON: " + str(error)[:200])
            finish()
            return ("done", value, "")
        except SystemExit as stop:
            try:
                finish()
            except BaseException as error:
                return ("runtime-error", None, last_line(error))
            if call is not None:
                return ("runtime-error", None, "the program exited before it gave a value")
            status = stop.code
            if status is None or status is False or (isinstance(status, int) and int(status) == 0):
                return ("done", None, "")
            return ("runtime-error", None, "exit status " + str(status)[:200])
        except MemoryError as error:
            return ("memory-limit", None, last_line(error))
        except BaseException as error:
            detail = last_line(error)
            try:
                finish()
            except BaseException:
                pass
            return ("runtime-error", None, detail)

    def seal():
        """The last thing before the image is taken. What is cut here is cut in the worker too, where no Python can reach."""
        if "pyodide.webloop" in sys.modules:
            time.sleep = sys.modules["pyodide.webloop"]._orig_sleep
        asyncio.run = asyncio.runners.run
        asyncio.events._event_loop_policy = Policy()
        asyncio.events._set_running_loop(None)
        asyncio.EventLoop = Loop
        sys.meta_path[:] = [finder for finder in sys.meta_path if "yodide" not in getattr(finder, "__module__", type(finder).__module__)]
        ours = ("js", "pyodide", "pyodide_js", "_pyodide", "_pyodide_core", "micropip", "_jsnull")
        for name in [name for name in sys.modules if name.split(".")[0] in ours]:
            del sys.modules[name]
        sys.path[:] = [entry for entry in sys.path if entry.endswith(".zip")]
        sys.path_importer_cache.clear()
        sys.displayhook, sys.excepthook = sys.__displayhook__, sys.__excepthook__
        sys.argv = ["answer.py"]
        os.environ.clear()
        os.chdir("/home")
        linecache.clearcache()
        # A program that draws numbers draws the same ones on every run.
        random.seed(0)
        gc.collect()
        gc.freeze()

    return run, seal

_run, _seal = _make()
del _make
`;
