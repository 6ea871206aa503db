import numpy as np

from clipface_cli.geometry.zbuffer import nearest


def test_the_nearest_triangle_is_kept_and_backs_are_culled() -> None:
    near, far = [[0, 0, 1], [0, 8, 1], [8, 0, 1]], [[0, 0, 2], [0, 8, 2], [8, 0, 2]]
    points = np.array(far + near, np.float32)
    depth, ids = nearest(points, np.array([[0, 1, 2], [3, 4, 5]], np.int32), 8, 8)
    assert ids[1, 1] == 1
    assert depth[1, 1] == 1
    assert ids[7, 7] == -1
    assert (nearest(points, np.array([[0, 2, 1]], np.int32), 8, 8)[1] == -1).all()
