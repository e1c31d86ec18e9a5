"""What an installation keeps over a change of the release, and what has to be made to fit.

A plan is made of what is there, each time anew, and each of its steps is whole or not done: stopped anywhere
and begun again, it does what is left. Nothing is sent to a service and no product is touched.
"""
