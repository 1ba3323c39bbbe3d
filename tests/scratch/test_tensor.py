"""The engine itself: graphs of every form, what is kept and what is freed, and what it refuses."""

import copy
import gc
import subprocess
import sys
import threading
import weakref

import numpy as np
import pytest

from iolaus.scratch import Linear, Tensor, cat, grad, no_grad, set_grad_enabled, where


@pytest.fixture
def x() -> Tensor:
    return Tensor([1.0, 2.0, 3.0], requires_grad=True)


def test_importing_it_imports_numpy_alone():
    script = (
        "import sys, iolaus.scratch\n"
        "found = {name.split('.')[0] for name in sys.modules}\n"
        "assert not found & {'torch', 'lightning', 'hydra', 'scipy', 'sklearn', 'matplotlib', 'pygraphviz'}, found\n"
        "ours = {n for n in sys.modules if n.startswith('iolaus.') and not n.startswith('iolaus.scratch')}\n"
        "assert not ours, ours"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_a_tensor_used_often_adds_its_gradients(x):
    y = x * 2
    (y * y + y + x).sum().backward()
    assert x.grad.data.tolist() == [11.0, 19.0, 27.0]


def test_gradients_accumulate_over_backwards(x):
    for _ in range(3):
        (x * x).sum().backward()
    assert x.grad.data.tolist() == [6.0, 12.0, 18.0]


def test_only_leaves_keep_their_gradient(x):
    y = x * 2
    z = y.sum()
    z.backward()
    assert (y.grad, z.grad) == (None, None)


def test_grad_gives_gradients_within_the_graph_and_leaves_grad_alone(x):
    y = x * 2
    of_x, of_y = grad((y * y).sum(), [x, y])
    assert of_x.data.tolist() == [8.0, 16.0, 24.0]
    assert of_y.data.tolist() == [4.0, 8.0, 12.0]
    assert x.grad is None


def test_derivatives_of_any_order(x):
    derivative = (x**5).sum()
    for expected in (5 * x.data**4, 20 * x.data**3, 60 * x.data**2, 120 * x.data, 120 * x.data**0):
        (derivative,) = grad(derivative.sum(), [x], create_graph=True)
        np.testing.assert_allclose(derivative.data, expected)


def test_a_diamond_of_many_layers_takes_no_exponential_time(x):
    """2¹⁰⁰⁰ paths, 1000 operations: every tensor is visited once."""
    y = x
    for _ in range(1000):
        y = y * 0.5 + y * 0.5
    y.sum().backward()
    assert x.grad.data.tolist() == [1.0, 1.0, 1.0]


def test_graphs_of_20_000_operations_in_a_row(x):
    y = x
    for number in range(20_000):
        y = y + 1.0 if number % 10 else y * 1.0 + x * 0.0
    (first,) = grad(y.sum(), [x], create_graph=True)
    assert first.data.tolist() == [1.0, 1.0, 1.0]


def test_a_deep_graph_that_nobody_walks_goes_quietly(x):
    y = x
    for _ in range(50_000):
        y = y + 1.0
    del y


def test_backward_leaves_nothing_behind(x):
    """Not even until the garbage collector comes: there are no circles."""
    gc.disable()
    try:
        inner = x.exp().tanh()
        result = (inner * inner).softmax(0).sum()
        remembered = [weakref.ref(inner), weakref.ref(result.edges[0][0])]
        result.backward()
        del inner
        assert [reference() for reference in remembered] == [None, None]
    finally:
        gc.enable()


def test_forward_alone_leaves_nothing_behind(x):
    gc.disable()
    try:
        remembered = weakref.ref(x.exp().sqrt().amax().log())
        assert remembered() is None
    finally:
        gc.enable()


def test_training_does_not_grow():
    layer, x = Linear(3, 3), Tensor(np.ones((2, 3)))

    def step():
        layer.zero_grad()
        layer(layer(x).tanh()).exp().mean().backward()

    step()
    gc.collect()
    before = len(gc.get_objects())
    for _ in range(20):
        step()
    gc.disable()
    try:
        assert len(gc.get_objects()) <= before + 5
    finally:
        gc.enable()


def test_no_grad_records_nothing(x):
    with no_grad():
        y = x * 2
        with set_grad_enabled(True):
            z = x * 2
    assert (y.requires_grad, y.edges) == (False, ())
    assert z.requires_grad
    assert (x * 2).requires_grad


def test_no_grad_decorates_and_ends_with_an_error(x):
    @no_grad()
    def f():
        assert not (x * 2).requires_grad
        raise KeyError

    with pytest.raises(KeyError):
        f()
    assert (x * 2).requires_grad


def test_no_grad_in_one_thread_is_not_in_another(x):
    seen = []
    with no_grad():
        thread = threading.Thread(target=lambda: seen.append((x * 2).requires_grad))
        thread.start()
        thread.join()
    assert seen == [True]


def test_constants_get_no_gradients(x):
    constant = Tensor([1.0, 1.0, 1.0])
    (x * constant).sum().backward()
    assert constant.grad is None
    assert not (constant * 2).requires_grad


def test_detach_cuts_the_graph_but_not_the_memory(x):
    y = (x * 2).detach()
    assert not y.requires_grad
    ((x * y).sum()).backward()
    assert x.grad.data.tolist() == [2.0, 4.0, 6.0]


def test_data_are_copied():
    array = np.ones(3)
    x = Tensor(array)
    array[0] = 5
    assert x.data.tolist() == [1.0, 1.0, 1.0]


def test_two_leaves_never_share_a_gradient(x):
    y = Tensor([1.0, 1.0, 1.0], requires_grad=True)
    (x + y).sum().backward()
    x.grad *= 10
    assert y.grad.data.tolist() == [1.0, 1.0, 1.0]


def test_tensors_are_written_like_numbers(x):
    assert repr(x) == "Tensor([1., 2., 3.], requires_grad=True)"
    assert repr(Tensor([1, 2])) == "Tensor([1, 2])"
    assert (len(x), x.shape, x.ndim, x.dtype) == (3, (3,), 1, np.float64)
    assert [float(row) for row in x] == [1.0, 2.0, 3.0]
    assert bool(x[0] > 0)
    assert x in {x}
    np.testing.assert_array_equal(x, [1, 2, 3])
    assert copy.deepcopy(x).requires_grad
    with pytest.raises(AttributeError, match="no 'expp'"):
        x.expp()
    with pytest.raises(TypeError):
        list(Tensor(1.0))


# In place


def test_in_place_arithmetic_without_gradients_keeps_the_memory():
    x = Tensor([1.0, 2.0])
    same = x
    x += 1
    x *= Tensor([2.0, 3.0])
    x -= 1
    x /= 2
    x[0] = 7.0
    assert same is x
    assert x.data.tolist() == [7.0, 4.0]


def test_in_place_arithmetic_that_is_recorded_makes_a_new_tensor(x):
    total = Tensor(0.0)
    for weight in (1.0, 2.0):
        total += (x * weight).sum()
    total.backward()
    assert x.grad.data.tolist() == [3.0, 3.0, 3.0]


def test_a_step_by_hand(x):
    (x * x).sum().backward()
    same = x
    with no_grad():
        x -= 0.5 * x.grad
    assert same is x
    assert x.requires_grad
    assert x.data.tolist() == [0.0, 0.0, 0.0]


def test_leaves_are_not_changed_in_place_where_that_would_be_lost(x):
    with pytest.raises(ValueError, match="under no_grad"):
        x += 1
    with pytest.raises(ValueError, match="under no_grad"):
        x[0] = 1.0
    with pytest.raises(ValueError, match="under no_grad"):
        Tensor([0.0])[0] = x[0]


def change_by_hand(t):
    with no_grad():
        t += 1


def change_an_element(t):
    with no_grad():
        t[0] = 9.0


def change_the_data(t):
    t.data += 1


def change_a_view(t):
    with no_grad():
        t[1:][0] = 9.0


@pytest.mark.parametrize("change", [change_by_hand, change_an_element, change_the_data, change_a_view])
@pytest.mark.parametrize("which", ["operand", "constant", "result", "view"])
def test_changes_in_place_that_would_make_gradients_wrong(x, change, which):
    constant = Tensor([1.0, 2.0, 3.0])
    view = constant[:]
    result = (x * constant).exp() * view
    exponential = result.edges[0][0]
    change({"operand": x, "constant": constant, "result": exponential, "view": view}[which])
    with pytest.raises(ValueError, match="was changed in place"):
        result.sum().backward()
    assert x.grad is None


def test_changes_after_backward_do_no_harm(x):
    for _ in range(2):
        (x * x).sum().backward()
        change_by_hand(x)
    assert x.grad.data.tolist() == [6.0, 10.0, 14.0]


def test_integers_take_no_fractions_in_place():
    n = Tensor([1, 2])
    with pytest.raises(ValueError, match="numbers of float64 do not fit"):
        n += 0.5


# What is refused


def test_a_second_backward_through_a_freed_graph(x):
    y = (x * x).sum()
    y.backward()
    with pytest.raises(ValueError, match=r"'sum' was freed .* retain_graph=True"):
        y.backward()


def test_a_freed_part_of_another_graph(x):
    shared = x.exp()
    shared.sum().backward()
    with pytest.raises(ValueError, match="'exp' was freed"):
        (shared * 2).sum().backward()


def test_a_retained_graph_serves_again(x):
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.data.tolist() == [4.0, 8.0, 12.0]


def test_backward_from_many_numbers_needs_a_gradient(x):
    y = x * 2
    with pytest.raises(ValueError, match=r"not from shape \(3,\)"):
        y.backward()
    with pytest.raises(ValueError, match=r"shape \(2,\) is not the tensor's \(3,\)"):
        y.backward([1.0, 2.0])
    y.backward([1.0, 0.0, -1.0])
    assert x.grad.data.tolist() == [2.0, 0.0, -2.0]


def test_backward_needs_something_that_needs_gradients():
    with pytest.raises(ValueError, match="requires_grad=True"):
        Tensor(1.0).backward()


def test_grad_names_an_input_without_a_part(x):
    with pytest.raises(ValueError, match="input 1 had no part"):
        grad(x.sum(), [x, Tensor([1.0, 2.0], requires_grad=True)])


@pytest.mark.parametrize("data", [[1, 2], [True], np.zeros(3, "uint8")])
def test_integers_have_no_gradients(data):
    with pytest.raises(ValueError, match="cannot have gradients"):
        Tensor(data, requires_grad=True)
    with pytest.raises(ValueError, match="cannot have gradients"):
        Tensor(data).requires_grad = True
    assert Tensor(data, dtype=float, requires_grad=True).requires_grad


def test_floats_are_not_replaced_by_integers(x):
    with pytest.raises(ValueError, match="does not take data of int64"):
        x.data = np.array([1, 2, 3])


def test_what_is_no_number_is_no_tensor():
    for data in ("text", None, [1j], [{}]):
        with pytest.raises(ValueError, match="holds real numbers"):
            Tensor(data)


def test_a_result_cannot_leave_its_graph_by_a_flag(x):
    with pytest.raises(ValueError, match="detach"):
        (x * 2).requires_grad = False


@pytest.mark.parametrize(
    ("wrong", "shapes"),
    [
        (lambda x: x + Tensor(np.ones(4)), ("(2, 3)", "(4,)")),
        (lambda x: x @ Tensor(np.ones((2, 3))), ("(2, 3)", "(2, 3)")),
        (lambda x: x.unsqueeze(0) @ Tensor(np.ones((5, 4))), ("(1, 2, 3)", "(5, 4)")),
        (lambda x: cat([x, Tensor(np.ones((2, 4)))]), ("(2, 3)", "(2, 4)")),
        (lambda x: where(x > 0, x, Tensor(np.ones(5))), ("(2, 3)", "(5,)")),
        (lambda x: x.reshape(4, 2), ("(2, 3)", "(4,2)")),
        (lambda x: x.sum(3), ("(2, 3)", "3")),
    ],
)
def test_shapes_that_do_not_fit_are_named(wrong, shapes):
    with pytest.raises(ValueError, match="does not fit the shapes") as error:
        wrong(Tensor(np.ones((2, 3)), requires_grad=True))
    assert all(shape in str(error.value) for shape in shapes)
