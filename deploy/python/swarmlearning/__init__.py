"""Training programs in Python as members of a swarm.

- ``swarmlearning.pyt.SwarmCallback``: PyTorch modules
- ``swarmlearning.np.SwarmCallback``: named numpy arrays
- ``swarmlearning.tf.SwarmCallback``: a Keras callback
- ``swarmlearning.hf_transformers.SwarmCallback``: a callback of Hugging Face's Trainer
- ``swarmlearning.loop.SwarmLoop``: ``receive()`` and ``send()``, for programs with a loop of their own
- ``swarmlearning.numpy_client.run``: drives an object with ``get_parameters`` and ``fit``

``run-sl --ml-entrypoint=python3 --ml-cmd=program.py`` starts such a program as a member of a swarm. Alone, without a
swarm, it runs with ``SWARM_LOOPBACK=True python3 program.py``.
"""

__version__ = "0.1.0"
