"""Kernel of the scaled orthographic camera, for where no gradient is asked for."""

from clipface_cli.geometry.jit import Array, device


@device
def project(
    vertices: Array, params: Array, turns: tuple[Array, Array], pivot: Array, out: Array
) -> None:
    """Turn vertices (B, V, 3) about the pivot and write them in clip space, (B, V, 4).

    params (1 or B, 3) as `Camera` has them; turns: cosine and sine (1 or B, 2) of pitch and yaw.
    The arithmetic is that of `Camera.to_clip` on tensors, step by step, to the bit.
    """
    cos, sin = turns
    for b in range(vertices.shape[0]):
        n = b % cos.shape[0]
        scale, tx, ty = params[n, 0], params[n, 1], params[n, 2]
        for i in range(vertices.shape[1]):
            x, y = vertices[b, i, 0] - pivot[0], vertices[b, i, 1] - pivot[1]
            z = vertices[b, i, 2] - pivot[2]
            y, z = cos[n, 0] * y - sin[n, 0] * z, sin[n, 0] * y + cos[n, 0] * z
            x, z = cos[n, 1] * x + sin[n, 1] * z, cos[n, 1] * z - sin[n, 1] * x
            out[b, i, 0] = scale * (x + pivot[0] + tx)
            out[b, i, 1] = scale * (y + pivot[1] + ty)
            out[b, i, 2] = -(z + pivot[2])
            out[b, i, 3] = 1
